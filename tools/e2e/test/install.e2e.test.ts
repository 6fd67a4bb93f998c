import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isRunning } from './processes.js';
import { cleanEnv, follow, REPOSITORY } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { until } from './until.js';

const KEY_FILES = ['nx/dist/bin/nx.js', 'typescript/bin/tsc', '@biomejs/biome/bin/biome'];

/** Stands in for npm: writes a line with its number, waits until it may go on (a stubborn one whatever signal comes), and leaves what run.mjs looks for. */
const SLOW_NPM = `
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
if (existsSync('npm-is-stubborn')) for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
appendFileSync('npm-runs.txt', process.pid + '\\n');
while (!existsSync('npm-may-go-on')) await new Promise((resolve) => setTimeout(resolve, 10));
if (existsSync('npm-fails')) process.exit(7);
for (const file of ${JSON.stringify(KEY_FILES)}) {
  mkdirSync(path.dirname(path.join('node_modules', file)), { recursive: true });
  writeFileSync(path.join('node_modules', file), '');
}
`;

let clone: string;

beforeEach(() => {
  clone = tempFolder('bellows-install');
  for (const name of ['tools/run.mjs', 'tools/run', 'package-lock.json']) {
    cpSync(path.join(REPOSITORY, name), path.join(clone, name), { recursive: true });
  }
  mkdirSync(path.join(clone, 'npm'));
  writeFileSync(path.join(clone, 'npm/package.json'), '{ "type": "module" }');
  writeFileSync(path.join(clone, 'npm/npm-cli.js'), SLOW_NPM);
});

afterEach(() => {
  for (const pid of npmRuns()) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
});

describe('an install', () => {
  it.each([
    ['SIGINT', 'stubborn'],
    ['SIGTERM', 'willing'],
    ['SIGHUP', 'willing'],
  ] as const)('ends with its npm on %s before the command does, be it %s, and the next one begins anew', async (signal, mood) => {
    writeFileSync(path.join(clone, `npm-is-${mood}`), '');
    const { child, exit } = start();
    const [npm] = await npmRunning(1);
    child.kill(signal);
    expect(await exit).toMatchObject({ code: null, signal });
    expect([isRunning(npm), existsSync(lock())]).toEqual([false, false]);
    goOn();
    expect(await start().exit).toMatchObject({ code: 0, stdout: 'done\n', stderr: expect.stringContaining('Installing dependencies') });
    expect(npmRuns()).toHaveLength(2);
  });

  it('ends with its command at a signal that comes in the moment in which it starts', async () => {
    const code = `import { runStep } from './tools/run/step.mjs';
      const onStart = (pid) => { console.log(pid); process.kill(process.pid, 'SIGTERM'); };
      await runStep(process.execPath, ['-e', 'setInterval(() => {}, 1_000)'], { onStart });`;
    const { exit } = follow(spawn(process.execPath, ['--input-type=module', '--eval', code], options()));
    const { signal, stdout } = await exit;
    expect([signal, Number(stdout) > 0 && isRunning(Number(stdout))]).toEqual(['SIGTERM', false]);
  });

  it('ends with its npm when whoever started the command has gone', async () => {
    const line = `"${process.execPath}" tools/run.mjs node -p '"done"'; true`;
    const shell = follow(spawn('sh', ['-c', line], options()));
    const [npm] = await npmRunning(1);
    shell.child.kill('SIGKILL');
    await until('npm to end', () => !isRunning(npm));
    await until('the lock to be given back', () => !existsSync(lock()));
  });

  it('is waited for by a second command, which then has nothing to install', async () => {
    const first = start();
    await npmRunning(1);
    const second = start();
    await until('the second to say that it waits', () =>
      second.output().stderr.includes('Another command is installing or building in this folder'),
    );
    goOn();
    expect([(await first.exit).code, (await second.exit).code]).toEqual([0, 0]);
    expect(npmRuns()).toHaveLength(1);
  });

  it('whose command was killed is waited for by the next one, which installs again', async () => {
    const first = start();
    const [orphan] = await npmRunning(1);
    // its npm may write before the command has noted whom it started
    await until('the lock to name npm', () => lentTo() === orphan);
    first.child.kill('SIGKILL');
    await until('the first to be gone', () => !isRunning(first.pid)); // its npm still holds its output
    const second = start();
    await until('the second to say whom it waits for', () => second.output().stderr.includes(`(process ${orphan}): waiting for it`));
    expect([isRunning(orphan), npmRuns()]).toEqual([true, [orphan]]);
    goOn();
    expect(await second.exit).toMatchObject({ code: 0, stdout: 'done\n' });
    expect([isRunning(orphan), npmRuns().length]).toEqual([false, 2]);
  });

  it('is not needed twice, and is made again when a file is missing that nothing goes without', async () => {
    goOn();
    expect((await start().exit).code).toBe(0);
    expect((await start().exit).code).toBe(0);
    expect(npmRuns()).toHaveLength(1);
    for (const [index, file] of KEY_FILES.entries()) {
      rmSync(path.join(clone, 'node_modules', file));
      expect((await start().exit).code).toBe(0);
      expect(npmRuns()).toHaveLength(2 + index);
    }
  });

  it('that fails ends with a sentence that says what to do, and is tried again by the next command', async () => {
    writeFileSync(path.join(clone, 'npm-fails'), '');
    goOn();
    const failed = await start().exit;
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringMatching(/npm could not install .*run the same command again\.\n$/)]);
    rmSync(path.join(clone, 'npm-fails'));
    expect((await start().exit).code).toBe(0);
  });

  it('leaves the lock alone that another command took after it', async () => {
    goOn();
    const running = follow(
      spawn(process.execPath, ['tools/run.mjs', 'node', '-e', 'process.stdin.resume()'], { ...options(), stdio: 'pipe' }),
    );
    await until('the first to be installed', () => existsSync(path.join(clone, 'node_modules/.install-stamp')) && !existsSync(lock()));
    mkdirSync(lock());
    writeFileSync(path.join(lock(), 'owner'), String(process.pid));
    running.child.stdin?.end();
    expect((await running.exit).code).toBe(0);
    expect(existsSync(lock())).toBe(true);
  });
});

/** Any command: it installs first. */
function start() {
  return follow(spawn(process.execPath, ['tools/run.mjs', 'node', '-p', '"done"'], options()));
}

function options() {
  const env = cleanEnv({ npm_execpath: path.join(clone, 'npm/npm-cli.js') });
  return { cwd: clone, env, stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'] };
}

function goOn(): void {
  writeFileSync(path.join(clone, 'npm-may-go-on'), '');
}

async function npmRunning(count: number): Promise<[number, ...number[]]> {
  return until('npm to run', () => npmRuns().length === count && (npmRuns() as [number]));
}

/** The file is there a moment before its first line is. */
function npmRuns(): number[] {
  const file = path.join(clone, 'npm-runs.txt');
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).map(Number) : [];
}

function lentTo(): number {
  const file = path.join(lock(), 'child');
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
}

function lock(): string {
  return path.join(clone, '.install-lock');
}
