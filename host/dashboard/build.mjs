// `node dashboard/build.mjs` in the host's package: the page, in dist/dashboard. Beside each asset its compressed forms, so that
// serving it costs the host nothing but the sending.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, gzipSync, constants as zlib } from 'node:zlib';
import { build } from 'vite';
import { writeNotices } from '../../tools/notices.mjs';

const root = import.meta.dirname;
/** What may become part of the page; a type that is imported from elsewhere does not. Vite's own helpers begin with a NUL. */
const ALLOWED = [`${root}/`.replaceAll('\\', '/'), '/node_modules/preact/', '/node_modules/uplot/', '\0'];
const outDir = path.join(root, '../dist/dashboard');

const { output } = await build({
  root,
  configFile: false,
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir,
    emptyOutDir: true,
    // where `light-dark()` and what else the page is written with is there
    target: ['chrome123', 'edge123', 'firefox120', 'safari17.5'],
    // no data: addresses, which the page's policy would refuse
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // sizes are told by the figures of the page
    reportCompressedSize: false,
  },
});

const sources = output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []));
const foreign = sources.filter((source) => !ALLOWED.some((part) => source.includes(part)));
if (foreign.length > 0)
  throw new Error(`The page may hold its own code, Preact and uPlot, nothing of the host or of others:\n${foreign.join('\n')}`);
writeNotices(path.join(outDir, 'THIRD-PARTY-NOTICES.txt'), sources);
compress(path.join(outDir, 'assets'));

function compress(folder) {
  for (const name of readdirSync(folder)) {
    const file = path.join(folder, name);
    const bytes = readFileSync(file);
    writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
    writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params: { [zlib.BROTLI_PARAM_SIZE_HINT]: bytes.length } }));
  }
}
