#!/usr/bin/env node
// The one entry point of a clone: `npm start`, `npm test`, `npm run nx -- …`, `npx bellows …` all come through here.
// It provides a new enough Node.js, installs dependencies when the lockfile changed, then does the work.
// Only Node built-ins, and only what Node 18 has: this file runs before anything is installed.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const MIN_MAJOR = 24;
/** How often a child looks whether the process that started it is still there. */
const ORPHAN_CHECK_MS = 300;
const WINDOWS = process.platform === 'win32';
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const installLock = path.join(root, '.install-lock');

const COMMANDS = {
  start: 'build what changed and start the host (arguments go to `bellows start`)',
  demo: 'build what changed and show all plugins at work (arguments go to `bellows demo`)',
  test: 'build and run every test through nx (arguments go to nx)',
  lint: 'Biome on the whole tree; warnings fail',
  check: 'types of tests, layers, generated files, unfinished marks',
  generate: 'write the generated files (schemas, reference pages)',
  bench: 'run the benchmarks (see `npm run bench -- --help`)',
  bellows: 'the command line of the host (same as `npx bellows`)',
  nx: 'any nx command',
  node: 'the Node.js this project uses',
};

/** What is built is not what they are about. */
const SILENT_BUILDS = new Set(['start', 'demo', 'bellows']);

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
main();

function main() {
  const { node, home } = provideNode();
  const env = {
    ...process.env,
    PATH: [path.dirname(node), path.join(root, 'node_modules', '.bin'), process.env.PATH].join(path.delimiter),
    NX_DAEMON: process.env.NX_DAEMON ?? 'false',
    NX_TUI: 'false',
    NX_NO_CLOUD: 'true',
  };
  const install = installation(node, home, env);
  install.provide();

  const nx = path.join(root, 'node_modules', 'nx', 'dist', 'bin', 'nx.js');
  const host = path.join(root, 'host', 'dist', 'main.js');
  const build = () => run(node, [nx, 'run-many', '-t', 'build', '--output-style=static'], { env, silent: SILENT_BUILDS.has(mode) });
  switch (mode) {
    case 'start':
      console.error('Building what changed');
      build();
      return hold(node, [host, 'start', ...rest], env);
    case 'demo':
      console.error('Building what changed');
      build();
      return hold(node, [host, 'demo', ...rest], env);
    case 'bellows':
      if (!existsSync(host)) build();
      // The user's own folder stays the working folder: `@file` arguments and `--config` are meant from there.
      return hold(node, [host, ...rest], env, { cwd: process.env.INIT_CWD ?? process.cwd() });
    case 'test':
      return hold(node, [nx, 'run-many', '-t', 'test', '--output-style=static', ...rest], env);
    case 'lint':
      return hold(
        node,
        [path.join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome'), 'check', '--error-on-warnings', ...rest],
        env,
      );
    case 'check':
      run(node, [nx, 'run-many', '-t', 'typecheck', '--output-style=static'], { env });
      return hold(node, [path.join(root, 'tools', 'checks', 'check.mjs'), ...rest], env);
    case 'generate':
      build();
      return hold(node, [path.join(root, 'tools', 'checks', 'generate.mjs'), ...rest], env);
    case 'bench':
      if (!rest.includes('--help')) build();
      return hold(node, [path.join(root, 'tools', 'bench', 'bench.mjs'), ...rest], env);
    case 'nx':
      if (!['g', 'generate'].includes(rest[0])) return hold(node, [nx, ...rest], env);
      return runGenerator(node, [nx, ...rest], { env, note: install.note });
    default:
      return hold(node, rest, env, { cwd: process.cwd() });
  }
}

/** Two at once would each write what it had read before the other one wrote. */
function runGenerator(node, args, { env, note }) {
  const release = takeTurn(installLock);
  const onEnd = (code) => {
    // what changes the lock file has installed what it says there
    if (code === 0) note();
    release();
  };
  hold(node, args, env, { onEnd });
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
function provideNode() {
  if (Number(process.versions.node.split('.')[0]) >= MIN_MAJOR) return { node: process.execPath, home: undefined };
  const source = path.join(root, 'tools', 'node');
  const id = sha256(readFileSync(path.join(source, 'package-lock.json')), process.platform, process.arch).slice(0, 12);
  const dest = path.join(root, '.node', id);
  if (!existsSync(dest)) {
    console.error(
      `Node.js ${process.version} is too old (${MIN_MAJOR} or newer is needed): installing one into .node/ (once, about 50 MB)`,
    );
    const tmp = `${dest}.${process.pid}`;
    mkdirSync(tmp, { recursive: true });
    for (const file of ['package.json', 'package-lock.json']) copyFileSync(path.join(source, file), path.join(tmp, file));
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--workspaces=false', '--loglevel=error'];
    run(process.execPath, [npmCli(), ...args], { cwd: tmp, env: { ...process.env, npm_config_global: 'false' }, quietStdout: true });
    try {
      renameSync(tmp, dest);
    } catch (error) {
      rmSync(tmp, { recursive: true, force: true }); // another run was first
      if (!existsSync(dest)) throw error;
    }
  }
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
  const done = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === want();
  const note = () => writeFileSync(stamp, want());
  const provide = () => {
    if (done()) return;
    const release = takeTurn(installLock);
    try {
      if (done()) return;
      console.error('Installing dependencies (once per change of package-lock.json)');
      run(node, [npmCli(), 'ci', '--no-audit', '--no-fund', '--loglevel=error'], { env, quietStdout: true });
      note();
    } finally {
      release();
    }
  };
  return { provide, note };
}

/** A folder as a lock: creating it is atomic everywhere. A lock whose owner has gone, or older than ten minutes, is taken over. */
function takeTurn(folder) {
  const owner = path.join(folder, 'pid');
  for (;;) {
    try {
      mkdirSync(folder);
      writeFileSync(owner, String(process.pid));
      const release = () => rmSync(folder, { recursive: true, force: true });
      process.once('exit', release);
      return release;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isStale(folder, owner)) rmSync(folder, { recursive: true, force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
}

function isStale(folder, owner) {
  try {
    const pid = Number(readFileSync(owner, 'utf8'));
    process.kill(pid, 0);
    return Date.now() - statSync(folder).mtimeMs > 10 * 60_000;
  } catch (error) {
    if (error.code === 'ESRCH') return true;
    // no pid written yet: its owner is between two calls, unless it died there
    try {
      return Date.now() - statSync(folder).mtimeMs > 5_000;
    } catch {
      return false;
    }
  }
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

/** Runs a step to its end; a failing step ends this process with its status. A silent step is heard of only when it fails. */
function run(node, args, { quietStdout = false, silent = false, ...options } = {}) {
  const stdio = silent ? ['inherit', 'pipe', 'pipe'] : ['inherit', quietStdout ? 'ignore' : 'inherit', 'inherit'];
  const result = spawnSync(node, args, { cwd: root, stdio, maxBuffer: 2 ** 26, ...options });
  if (result.error) fail(String(result.error));
  if (result.status === 0) return;
  if (silent) process.stderr.write(Buffer.concat([result.stdout, result.stderr]));
  process.exit(result.status ?? 1);
}

/** Runs the last step: passes signals on, ends with its status, and never leaves it behind. */
function hold(node, args, env, { cwd = root, onEnd = () => {} } = {}) {
  const child = spawn(node, args, { cwd, stdio: 'inherit', env });
  // A terminal sends SIGINT to the whole group, so the child has it already; the others reach only this process.
  process.on('SIGINT', () => {});
  let isAsked = false;
  const ask = (signal) => {
    isAsked = true;
    child.kill(signal);
  };
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => ask(signal));
  // `kill` on npm ends its shell but not this process (dash passes no signal on): stop when the parent has gone.
  const parent = process.ppid;
  setInterval(() => {
    // Once: a second signal would end the child at once, and not in order.
    if (process.ppid !== parent && !isAsked) ask('SIGTERM');
  }, ORPHAN_CHECK_MS).unref();
  child.on('error', (error) => fail(String(error)));
  child.on('exit', (code, signal) => {
    onEnd(code);
    if (signal) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    } else process.exit(code ?? 1);
  });
}

function sha256(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
