// What a host keeps of plugins that are started again: run with --expose-gc; arguments: what changes (code or config), the size of the
// plugin's code in KiB, and how often. Answers JSON: bytes of heap kept for each change, and ms for each.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { startHost } from '@bellows/host';

const [what, kib, count] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
/** The host keeps the last 1,000 events, of which each change makes about eight: from then on nothing of them adds up. */
const WARM_UP = 150;

const folder = await mkdtemp(path.join(os.tmpdir(), 'bellows-upgrades-'));
try {
  console.log(JSON.stringify(await measure()));
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function measure() {
  await write(0);
  const options = { configFile: path.join(folder, 'bellows.yaml'), logLevel: 'error', env: {}, cwd: folder, console: process.stderr };
  const host = await startHost(options);
  const times = [];
  let before;
  for (let change = 1; change <= WARM_UP + count; change += 1) {
    await write(change);
    const startedAt = performance.now();
    await host.reload('signal');
    times.push(performance.now() - startedAt);
    if (change === WARM_UP) before = used();
  }
  const kept = (used() - before) / count;
  const { configRevision } = host.view.status();
  await host.stop('the measurement is over');
  if (configRevision !== 1 + WARM_UP + count) throw new Error(`only ${configRevision - 1} of ${WARM_UP + count} changes were taken`);
  return { keptBytes: kept, medianMs: times.slice(WARM_UP).sort((a, b) => a - b)[Math.floor(count / 2)] };
}

async function write(change) {
  const plugin = path.join(folder, 'plugin');
  await mkdir(plugin, { recursive: true });
  const version = what === 'code' ? change : 0;
  const manifest = { id: 'changing', version: `1.0.${version}`, sdk: '^0.1.0', needs: [], stability: 'stable' };
  await writeFile(path.join(plugin, 'plugin.json'), JSON.stringify(manifest));
  await writeFile(
    path.join(plugin, 'package.json'),
    JSON.stringify({ name: 'changing', version: manifest.version, type: 'module', exports: { '.': './index.js' } }),
  );
  await writeFile(path.join(plugin, 'index.js'), codeOf(version));
  const config = { host: { port: 0 }, plugins: { changing: { from: './plugin', config: { change: what === 'config' ? change : 0 } } } };
  await writeFile(path.join(folder, 'bellows.yaml'), JSON.stringify(config));
}

/** Functions that are compiled and called, as code is that does something. */
function codeOf(version) {
  const body = (index) =>
    `function f${index}(value) { const text = 'version ${version} function ${index}'; return text.length + value * ${index} + (value > ${index} ? 1 : 0); }\n`;
  let functions = '';
  let index = 0;
  while (functions.length < kib * 1024) functions += body(index++);
  return `import { definePlugin, option, z } from '@bellows/sdk';
${functions}
const all = [${Array.from({ length: index }, (_unused, each) => `f${each}`).join(', ')}];
export default definePlugin({
  id: 'changing',
  config: z.strictObject({ change: option(z.int().default(0), { what: 'Something else each time.' }) }),
  activate(ctx) {
    let sum = 0;
    for (const each of all) sum += each(1);
    ctx.operations.provide({ name: 'changing.sum', summary: 'Sums.', input: z.unknown(), output: z.number(), handler: async () => sum });
  },
});
`;
}

function used() {
  for (let turn = 0; turn < 4; turn += 1) globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
