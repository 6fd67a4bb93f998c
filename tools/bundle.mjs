// `node ../tools/bundle.mjs [--to FOLDER] <entry.ts>… [--alone <entry.ts>]… [--browser <entry.ts>]…` in a package: writes its JavaScript to
// dist/, or to FOLDER, third-party code included, so that starting reads a few files instead of hundreds (measured: 510 ms before, 175 ms
// after, for the libraries of the host). Types are written by tsc. What must be there once per process stays outside. An entry of --alone
// has a file to itself, so that the others need none more for what they have in common with it. So has one of --browser, for any
// platform: it may import nothing of Node.js.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { writeNotices } from './notices.mjs';

const SHARED = ['@bellows/sdk', 'rxjs', 'reflect-metadata'];

const FASTIFY = /[\\/]node_modules[\\/]fastify[\\/]/;
/**
 * What Fastify asks for at each start and the host does without. Its compilers of schemas are 0.6 MB, and no route has a schema; HTTP/2 and
 * TLS are loaded by whoever makes such a server, ranges of versions by whoever gives it a plugin that names some.
 */
const lean = {
  name: 'lean',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^@fastify\/(ajv|fast-json-stringify)-compiler$/ }, ({ path: name }) => ({ path: name, namespace: 'absent' }));
    onLoad({ filter: /^/, namespace: 'absent' }, () => ({ contents: '' }));
    onResolve({ filter: /^(node:https|node:http2|semver)$/, namespace: 'file' }, ({ path: name, importer, resolveDir }) =>
      FASTIFY.test(importer) ? { path: name, namespace: 'later', pluginData: resolveDir } : undefined,
    );
    onLoad({ filter: /^/, namespace: 'later' }, ({ path: name, pluginData: resolveDir }) => ({
      contents: `module.exports = new Proxy({}, { get: (_, key) => require(${JSON.stringify(name)})[key] });`,
      resolveDir,
    }));
  },
};

const folder = process.cwd();
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    to: { type: 'string', default: 'dist' },
    alone: { type: 'string', multiple: true, default: [] },
    browser: { type: 'string', multiple: true, default: [] },
  },
});
const dist = path.join(folder, values.to);
for (const name of existsSync(dist) ? readdirSync(dist) : []) {
  // chunks of an earlier build have other names and would stay for ever; so would the compiled code of them
  if (name === 'chunks' || name === 'compile-cache') rmSync(path.join(dist, name), { recursive: true });
}

const everywhere = {
  outdir: dist,
  outbase: 'src',
  bundle: true,
  format: 'esm',
  sourcemap: 'linked',
  sourcesContent: false,
  metafile: true,
  logLevel: 'warning',
};
const forNode = {
  ...everywhere,
  platform: 'node',
  target: 'node24',
  // protobufjs: only for exporting sketches, which nobody here does; it is an optional peer and not installed
  external: [...SHARED, 'protobufjs/minimal'],
  conditions: ['node', 'import'],
  plugins: [lean],
  banner: {
    // bundled CommonJS asks for Node's own modules through `require`
    js: "import { createRequire as bellowsCreateRequire } from 'node:module'; const require = bellowsCreateRequire(import.meta.url);",
  },
};
const built = await Promise.all([
  build({ ...forNode, entryPoints: positionals, splitting: true, chunkNames: 'chunks/[name]-[hash]' }),
  build({ ...forNode, entryPoints: values.alone }),
  build({
    ...everywhere,
    entryPoints: values.browser,
    platform: 'neutral',
    // it knows none by itself
    mainFields: ['module', 'main'],
    target: 'es2023',
  }),
]);
if (built.some(({ warnings }) => warnings.length > 0)) process.exit(1);
// the licence of everything that was put in
writeNotices(
  path.join(dist, 'THIRD-PARTY-NOTICES.txt'),
  built.flatMap(({ metafile }) => Object.keys(metafile.inputs)),
);
