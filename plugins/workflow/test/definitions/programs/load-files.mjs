// node load-files.mjs <timeoutMs> <folder> <pattern>…: loads definitions by the built plugin and prints what came of it as JSON.
// With CHANGE_TO in the environment that file then replaces the first, and everything is loaded again.
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { loadDefinitionFiles } from '../../../dist/definitions/definition-files.js';

const [timeoutMs, folder, ...patterns] = process.argv.slice(2);
const call = { idempotencyKey: 'key', call: async () => null };
const load = () =>
  loadDefinitionFiles({ folder, patterns, maxDepth: 50, maxStages: 1_000, signal: AbortSignal.timeout(Number(timeoutMs)) });
const run = async ({ name, file, stages, json, hash }) => {
  const outputs = await Promise.all(stages.map((stage) => stage.run?.({ input: { n: 2 } }, call) ?? null));
  return { name, file, json, hash, outputs };
};
try {
  using loaded = await load();
  const pipelines = await Promise.all(loaded.pipelines.map(run));
  if (process.env.CHANGE_TO) {
    await copyFile(path.join(folder, process.env.CHANGE_TO), path.join(folder, patterns[0]));
    using again = await load();
    pipelines.push(...(await Promise.all(again.pipelines.map(run))));
  }
  console.log(JSON.stringify({ pipelines, functions: [...loaded.functions.keys()] }));
} catch (error) {
  console.log(
    JSON.stringify({ code: error.code, message: error.message, details: error.details, stack: error.code ? undefined : error.stack }),
  );
}
// once disposed of, the SDK is not offered any more
const left = await import(pathToFileURL(path.join(folder, 'after.mjs')).href).then(
  () => 'offered',
  (error) => error.code,
);
console.error(left);
process.exit(0);
