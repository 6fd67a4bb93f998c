import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { runNode } from './repository-copy.js';
import { GREETER, REPOSITORY } from './running-host.js';
import { tempFolder } from './temp-folder.js';

const JEST = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', path.join(REPOSITORY, 'node_modules/jest/bin/jest.js')];

const GUARDED = ['--import', path.join(REPOSITORY, 'tools/leak-guard/node-test.mjs')];

/** What a test may forget, and the line that says so. */
const LEAKS: Readonly<Record<string, readonly [code: string, line: string]>> = {
  interval: ['setInterval(() => {}, 1_000).unref();', 'a setInterval that nobody cleared'],
  timer: ['setTimeout(() => {}, 60_000);', 'a setTimeout that nobody cleared'],
  child: ["spawn(process.execPath, ['-e', 'setTimeout(() => {}, 20_000)'], { stdio: 'ignore' }).unref();", 'the child process'],
  thread: ["new Worker('setInterval(() => {}, 1_000)', { eval: true }).unref();", 'the worker thread'],
  server: ["createServer().listen(0, '127.0.0.1').unref();", 'a server that nobody closed'],
  listener: ["process.on('SIGUSR2', () => {});", 'a listener to "SIGUSR2" of the process'],
  watcher: ['watch(import.meta.dirname, { persistent: false });', 'a watched folder or file that nobody closed'],
  file: ['globalThis.opened = openSync(import.meta.filename);', 'the open file'],
  folder: ["mkdtempSync(path.join(os.tmpdir(), 'left-sync-'));", 'the temporary folder'],
  folderDisposable: ["mkdtempDisposableSync(path.join(os.tmpdir(), 'left-disposable-'));", 'the temporary folder'],
  folderDisposableLater: ["await mkdtempDisposable(path.join(os.tmpdir(), 'left-disposable-later-'));", 'the temporary folder'],
  folderLater: ["await mkdtemp(path.join(os.tmpdir(), 'left-later-'));", 'the temporary folder'],
};

const IMPORTS = `import { spawn } from 'node:child_process';
import { mkdtempDisposableSync, mkdtempSync, openSync, watch } from 'node:fs';
import { mkdtemp, mkdtempDisposable, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
`;

describe('a test file of this repository', () => {
  it('fails when it leaves something open, whatever it is, and passes when its afterAll closes it', () => {
    const folder = tempFolder('bellows-leaky');
    for (const [name, [code]] of Object.entries(LEAKS)) {
      writeFileSync(path.join(folder, `${name}.test.mjs`), `${IMPORTS}it('passes', async () => {\n  ${code}\n});\n`);
    }
    writeFileSync(
      path.join(folder, 'tidy.test.mjs'),
      `${IMPORTS}let timer; let folder; let server;
it('passes', async () => {
  using taken = mkdtempDisposableSync(path.join(os.tmpdir(), 'tidy-disposable-'));
  timer = setInterval(() => {}, 1_000);
  folder = await mkdtemp(path.join(os.tmpdir(), 'tidy-'));
  server = createServer().listen(0, '127.0.0.1');
});
afterAll(async () => {
  clearInterval(timer);
  await rm(folder, { recursive: true });
  await new Promise((resolve) => server.close(resolve));
});
`,
    );
    writeFileSync(
      path.join(folder, 'failing.test.mjs'),
      "it('fails', () => {\n  setInterval(() => {}, 1_000).unref();\n  throw new Error('its own fault');\n});\n",
    );
    const { status, output } = runJest(folder, 200);
    const faults = faultsByFile(output);
    for (const line of output.matchAll(/the temporary folder (\S+)/g)) rmSync(line[1] as string, { recursive: true, force: true });
    expect(status).toBe(1);
    for (const [name, [, line]] of Object.entries(LEAKS)) expect([name, faults.get(name)]).toEqual([name, expect.stringContaining(line)]);
    // the one is often why the other is left
    for (const said of ['its own fault', 'a setInterval that nobody cleared']) expect(faults.get('failing')).toContain(said);
    expect(faults.has('tidy')).toBe(false);
    expect(output).toMatch(/^PASS .*tidy\.test\.mjs/m);
  });

  it('fails when it leaves a timer that runs out before the guard would stop to wait for processes', () => {
    const folder = tempFolder('bellows-leaky');
    writeFileSync(path.join(folder, 'short.test.mjs'), "it('passes', () => void setTimeout(() => {}, 60_000));\n");
    const { status, output } = runJest(folder, 120_000);
    expect([status, output]).toEqual([1, expect.stringContaining('a setTimeout that nobody cleared')]);
  });
});

describe('a test file for Node’s own runner', () => {
  it('fails under the guard when it leaves something that does not hold its process', () => {
    const folder = tempFolder('bellows-leaky-node');
    const leaks = ['interval', 'server', 'listener', 'watcher', 'file', 'folder'].map(
      (name) => [name, ...(LEAKS[name] ?? ['', ''])] as const,
    );
    const write = (name: string, body: string) =>
      writeFileSync(path.join(folder, `${name}.test.mjs`), `import { after, it } from 'node:test';\n${IMPORTS}${body}`);
    for (const [name, code] of leaks) write(name, `it('passes', async () => {\n  ${code}\n});\n`);
    write(
      'tidy',
      "let timer;\nit('passes', () => {\n  timer = setInterval(() => {}, 1_000).unref();\n});\nafter(() => clearInterval(timer));\n",
    );
    for (const [name, , line] of leaks) {
      const { status, output } = runNode([...GUARDED, '--test', `${name}.test.mjs`], folder);
      for (const left of output.matchAll(/the temporary folder (\S+)/g)) rmSync(left[1] as string, { recursive: true, force: true });
      expect([name, status, output]).toEqual([name, 1, expect.stringContaining(line)]);
    }
    expect(runNode([...GUARDED, '--test', 'tidy.test.mjs'], folder)).toMatchObject({
      status: 0,
      output: expect.stringContaining('pass 1'),
    });
  });

  it('passes under the guard where it is that of the example', () => {
    expect(runNode([...GUARDED, '--test'], GREETER)).toMatchObject({ status: 0, output: expect.stringContaining('pass 8') });
  });
});

function runJest(folder: string, settleMs: number) {
  const preset = path.join(REPOSITORY, 'jest.preset.cjs');
  const config = path.join(folder, 'jest.config.cjs');
  const options = `transform: {}, testEnvironmentOptions: { settleMs: ${settleMs} }`;
  writeFileSync(
    config,
    `module.exports = { ...require(${JSON.stringify(preset)}), rootDir: __dirname, testMatch: ['**/*.test.mjs'], ${options} };\n`,
  );
  writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }\n');
  return runNode([...JEST, '--runInBand', '--forceExit', '--config', config], folder);
}

/** What Jest says below `FAIL`, by the name of the test file. */
function faultsByFile(output: string): ReadonlyMap<string, string> {
  return new Map(
    output
      .split(/^(?=FAIL |PASS )/m)
      .filter((part) => part.startsWith('FAIL '))
      .map((part) => [/(\w+)\.test\.mjs/.exec(part)?.[1] ?? '', part]),
  );
}
