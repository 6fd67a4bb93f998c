// node load-files.mjs <timeoutMs> <folder> <pattern>…: loads definitions by the built plugin and prints what came of it as JSON.
import { loadDefinitionFiles } from '../../../dist/definitions/definition-files.js';

const [timeoutMs, folder, ...patterns] = process.argv.slice(2);
const call = { idempotencyKey: 'key', call: async () => null };
const run = async ({ name, file, stages, json, hash }) => {
  const outputs = await Promise.all(stages.map((stage) => stage.run?.({ input: { n: 2 } }, call) ?? null));
  return { name, file, json, hash, outputs };
};
try {
  using loaded = await loadDefinitionFiles({
    folder,
    patterns,
    maxDepth: 50,
    maxStages: 1_000,
    signal: AbortSignal.timeout(Number(timeoutMs)),
  });
  console.log(JSON.stringify({ pipelines: await Promise.all(loaded.pipelines.map(run)), functions: [...loaded.functions.keys()] }));
} catch (error) {
  console.log(
    JSON.stringify({ code: error.code, message: error.message, details: error.details, stack: error.code ? undefined : error.stack }),
  );
}
// after the end the SDK is not offered any more
const other = new URL(`file://${folder}/after.mjs`);
const left = await import(other.href).then(
  () => 'offered',
  (error) => error.code,
);
console.error(left);
process.exit(0);
