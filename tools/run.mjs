#!/usr/bin/env node
// The one entry point of a clone: `npm start`, `npm test`, `npm run nx -- …`, `npx --no-install bellows …` all come through here.
// It provides a new enough Node.js, installs dependencies when the lockfile changed, then does the work.
// Only Node built-ins, and only what Node 18 has: this file runs before anything is installed.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEnd, fail } from './run/ending.mjs';
import { lastBuild } from './run/last-build.mjs';
import { hold, runStep } from './run/step.mjs';
import { takeTurn } from './run/turn.mjs';

const MIN_MAJOR = 24;
const WINDOWS = process.platform === 'win32';
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const installLock = path.join(root, '.install-lock');
const nx = path.join(root, 'node_modules', 'nx', 'dist', 'bin', 'nx.js');
const biome = path.join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
/** Without these nothing goes, whatever a note of an install says: another npm may have been stopped in the middle. */
const KEY_FILES = [nx, biome, path.join(root, 'node_modules', 'typescript', 'bin', 'tsc')];

const COMMANDS = {
  start: 'build what changed and start the host (arguments go to `bellows start`)',
  demo: 'build what changed and show all plugins at work (arguments go to `bellows demo`)',
  test: 'build and run every test through nx (arguments go to nx)',
  lint: 'Biome on the whole tree; warnings fail',
  check: 'types of tests, layers, generated files, unfinished marks',
  generate: 'write the generated files (schemas, reference pages)',
  bench: 'run the benchmarks (see `npm run bench -- --help`)',
  chaos: 'long runs under random faults (see `npm run chaos -- --help`)',
  fuzz: 'a million cases of bad input (targets, --seed N, --cases N, --minutes N, --json)',
  bellows: 'the command line of the host (same as `npx --no-install bellows`)',
  nx: 'any nx command',
  node: 'the Node.js this project uses',
};

/** What is built is not what they are about. */
const SILENT_BUILDS = new Set(['start', 'demo', 'bellows', 'fuzz']);

/** Matches no value: the option has none. */
const NO_VALUE = /(?!)/;
/** Options that npm may keep for itself, by command, and what their values look like. */
const SWALLOWED = {
  start: { port: /^\d+$/, config: /\.(ya?ml|json)$/, data: /./ },
  demo: { repo: /./, keep: /./, quick: NO_VALUE, hold: NO_VALUE, json: NO_VALUE },
};
/** Of these, the ones that mean something without a value. */
const ALONE = new Set(['keep', 'quick', 'hold', 'json']);

const [mode, ...rest] = process.argv.slice(2);
if (!mode || !(mode in COMMANDS)) {
  const lines = Object.entries(COMMANDS).map(([name, text]) => `  ${name.padEnd(9)} ${text}`);
  console.error(`usage: node tools/run.mjs <command> [arguments]\n\n${lines.join('\n')}`);
  process.exit(2);
}
if (mode in SWALLOWED) refuseSwallowedOptions(SWALLOWED[mode]);
await main();

async function main() {
  const { node, home } = await provideNode();
  const env = {
    ...process.env,
    PATH: [path.dirname(node), path.join(root, 'node_modules', '.bin'), process.env.PATH].join(path.delimiter),
    NX_DAEMON: process.env.NX_DAEMON ?? 'false',
    NX_TUI: 'false',
    NX_NO_CLOUD: 'true',
  };
  const install = installation(node, home, env);
  await install.provide();

  const host = path.join(root, 'host', 'dist', 'main.js');
  const go = (args, options) => hold(node, args, { cwd: root, env, ...options });
  const build = (turn) => (SILENT_BUILDS.has(mode) ? buildSilently(node, env, turn) : runMany(node, env, 'build', turn));
  const buildAnew = () => once(() => false, build);
  switch (mode) {
    case 'start':
    case 'demo':
      await buildIfChanged(lastBuild(root, node), build);
      return go([host, mode, ...rest]);
    case 'bellows':
      await once(() => existsSync(host), build);
      // The user's own folder stays the working folder: `@file` arguments and `--config` are meant from there.
      return go([host, ...rest], { cwd: process.env.INIT_CWD ?? process.cwd() });
    case 'test':
      return go([nx, 'run-many', '-t', 'test', '--output-style=static', ...rest]);
    case 'lint':
      return go([biome, 'check', '--error-on-warnings', ...rest]);
    case 'check':
      await runMany(node, env, 'typecheck');
      return go([path.join(root, 'tools', 'checks', 'check.mjs'), ...rest]);
    case 'generate':
      await buildAnew();
      return go([path.join(root, 'tools', 'checks', 'generate.mjs'), ...rest]);
    case 'bench':
      if (!rest.includes('--help')) await buildAnew();
      return go([path.join(root, 'tools', 'bench', 'bench.mjs'), ...rest]);
    case 'chaos':
      if (!rest.includes('--help')) await buildAnew();
      // scenarios look at the heap after a collection
      return go(['--expose-gc', path.join(root, 'tools', 'chaos', 'chaos.mjs'), ...rest]);
    case 'fuzz':
      if (!rest.includes('--help')) await buildAnew();
      return go([path.join(root, 'tools', 'fuzz', 'fuzz.mjs'), ...rest]);
    case 'nx':
      if (!['g', 'generate'].includes(rest[0])) return go([nx, ...rest]);
      return runGenerator(go, install.note);
    default:
      return go(rest, { cwd: process.cwd() });
  }
}

async function buildIfChanged(last, build) {
  await once(last.isCurrent, async (turn) => {
    console.error('Building what changed');
    await last.renew(() => build(turn));
  });
}

async function runMany(node, env, target, turn) {
  const args = [nx, 'run-many', '-t', target, '--output-style=static'];
  const { status } = await runStep(node, args, { cwd: root, env, onStart: turn?.lentTo });
  if (status !== 0) process.exit(status);
}

/** Builds without a word, unless something does not build: then only what that has written, and at the end which it is. */
async function buildSilently(node, env, turn) {
  const args = [nx, 'run-many', '-t', 'build', '--output-style=static-failures-only'];
  const { status, stdout, stderr } = await runStep(node, args, { cwd: root, env, captured: true, onStart: turn.lentTo });
  if (status === 0) return;
  const failed = [...stderr.matchAll(/^- (\S+):build$/gm)]
    .map((match) => match[1])
    .filter((name) => stdout.includes(`nx run ${name}:build`));
  const tasks = stdout.slice(Math.max(0, stdout.search(/^> nx run /m))).replace(/^\s*Run duration:[\s\S]*/m, '');
  if (failed.length === 0) fail(`${stdout}${stderr}\nThe build failed (see above): nothing was started.`);
  const verb = failed.length === 1 ? 'does' : 'do';
  fail(`${tasks.replace(/^✔.*\n/gm, '').trim()}\n\n${failed.map(folderOf).join(', ')} ${verb} not build (see above): nothing was started.`);
}

/** Where a project stands, by its link in node_modules. */
function folderOf(project) {
  const link = path.join(root, 'node_modules', project);
  return existsSync(link) ? path.relative(root, realpathSync(link)) : project;
}

/** Two at once would each write what it had read before the other one wrote. */
async function runGenerator(go, note) {
  const { release } = await takeTurn(installLock, tellWait);
  const onEnd = (code) => {
    // what changes the lock file has installed what it says there
    if (code === 0) note();
    release();
  };
  go([nx, ...rest], { onEnd });
}

/** `npm start --port 8080` without `--`: npm keeps the option for itself and hands on at most its value. Says how it is meant. */
function refuseSwallowedOptions(options) {
  const swallowed = Object.keys(options).filter((name) => ![undefined, 'false'].includes(process.env[`npm_config_${name}`]));
  const values = rest.filter((argument, index) => !argument.startsWith('-') && !rest[index - 1]?.startsWith('-'));
  const meant = swallowed.flatMap((name) => {
    // npm takes `--port=8080` whole; of `--port 8080` it takes `true` and leaves the value behind
    const taken = process.env[`npm_config_${name}`];
    const value = taken === 'true' || taken === '' ? values.find((text) => options[name].test(text)) : taken;
    if (value !== undefined && values.includes(value)) values.splice(values.indexOf(value), 1);
    if (value === undefined || options[name] === NO_VALUE) return ALONE.has(name) ? [`--${name}`] : [];
    return [`--${name} ${value}`];
  });
  if (meant.length === 0) return;
  const command = mode === 'start' ? 'npm start' : `npm run ${mode}`;
  console.error(`npm took an option for its own: put options behind \`--\`, so\n\n  ${command} -- ${meant.join(' ')}`);
  process.exit(2);
}

/** The Node to use: this one if it is new enough, else the one pinned in tools/node/package-lock.json, kept in .node/. */
async function provideNode() {
  if (Number(process.versions.node.split('.')[0]) >= MIN_MAJOR) return { node: process.execPath, home: undefined };
  const source = path.join(root, 'tools', 'node');
  const id = sha256(readFileSync(path.join(source, 'package-lock.json')), process.platform, process.arch).slice(0, 12);
  const dest = path.join(root, '.node', id);
  await once(
    () => existsSync(dest),
    async (turn) => {
      console.error(
        `Node.js ${process.version} is too old (${MIN_MAJOR} or newer is needed): installing one into .node/ (once, about 50 MB)`,
      );
      const tmp = `${dest}.part`;
      rmSync(tmp, { recursive: true, force: true }); // of a run that was killed
      mkdirSync(tmp, { recursive: true });
      const cleanUp = beforeEnd(() => rmSync(tmp, { recursive: true, force: true }));
      for (const file of ['package.json', 'package-lock.json']) copyFileSync(path.join(source, file), path.join(tmp, file));
      const env = { ...process.env, npm_config_global: 'false' };
      await npmCi(process.execPath, ['--ignore-scripts', '--workspaces=false'], { cwd: tmp, env, turn });
      renameSync(tmp, dest);
      cleanUp();
    },
  );
  const modules = path.join(dest, 'node_modules');
  const names = existsSync(modules) ? readdirSync(modules).filter((name) => name.startsWith('node-')) : [];
  const home = names.map((name) => path.join(modules, name)).find((folder) => existsSync(path.join(folder, 'bin')));
  if (!home)
    fail(
      `No Node.js is packaged for ${process.platform}-${process.arch}: install Node.js ${MIN_MAJOR} or newer (https://nodejs.org) and try again.`,
    );
  return { node: path.join(home, 'bin', WINDOWS ? 'node.exe' : 'node'), home };
}

/** What is installed, and the note of it: once per lockfile and Node version. Two runs at once: the second waits for the first. */
function installation(node, home, env) {
  // The version and not where it comes from: a shell inside the provided Node must not install again.
  const version = home ? `v${JSON.parse(readFileSync(path.join(home, 'package.json'), 'utf8')).version}` : process.version;
  const want = () => sha256(readFileSync(path.join(root, 'package-lock.json')), version, process.platform, process.arch);
  const stamp = path.join(root, 'node_modules', '.install-stamp');
  const done = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === want() && KEY_FILES.every((file) => existsSync(file));
  const note = () => writeFileSync(stamp, want());
  const provide = () =>
    once(done, async (turn) => {
      console.error('Installing dependencies (once per change of package-lock.json)');
      rmSync(stamp, { force: true });
      await npmCi(node, [], { cwd: root, env, turn });
      note();
    });
  return { provide, note };
}

/**
 * Does what is not done yet. Of two runs at once the second waits for the first: nx takes away what it is about to write, and an install
 * takes away what a build reads.
 */
async function once(isDone, work) {
  if (isDone()) return;
  const turn = await takeTurn(installLock, tellWait);
  if (!isDone()) await work(turn);
  turn.release();
}

function tellWait(pid) {
  console.error(`Another command is installing or building in this folder${pid === undefined ? '' : ` (process ${pid})`}: waiting for it`);
}

async function npmCi(node, args, { turn, ...options }) {
  const words = [npmCli(), 'ci', ...args, '--no-audit', '--no-fund', '--loglevel=error'];
  const { status } = await runStep(node, words, { ...options, quietStdout: true, onStart: turn.lentTo });
  if (status !== 0)
    fail('npm could not install (see above): mend what it names, or wait for the registry, then run the same command again.');
}

/** npm's own JavaScript entry, so that npm runs with the Node chosen here. */
function npmCli() {
  const bin = path.dirname(process.execPath);
  const onPath = (process.env.PATH ?? '').split(path.delimiter).map((folder) => path.join(folder, 'npm'));
  const candidates = [
    process.env.npm_execpath ?? '',
    ...onPath.filter((file) => existsSync(file)).map((file) => realpathSync(file)),
    path.join(bin, 'node_modules/npm/bin/npm-cli.js'),
    path.join(bin, '../lib/node_modules/npm/bin/npm-cli.js'),
  ];
  return (
    candidates.find((file) => path.basename(file) === 'npm-cli.js' && existsSync(file)) ??
    fail('npm was not found next to Node.js or on PATH: install npm and try again.')
  );
}

function sha256(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}
