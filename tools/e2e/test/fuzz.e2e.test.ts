import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { cleanEnv, REPOSITORY } from './running-host.js';
import { tempFolder } from './temp-folder.js';

const FUZZ = path.join(REPOSITORY, 'tools/fuzz');

describe('bad input', () => {
  it('is answered with an error that has a code, in a few thousand cases for every way in', () => {
    const { status, lines } = fuzz(['--cases', '6000', '--seed', '7', '--json']);
    expect(lines.filter(({ ok }) => !ok)).toEqual([]);
    expect([status, lines.at(-1)]).toEqual([0, { total: expect.any(Number), ok: true }]);
    const targets = lines.slice(0, -1).map(({ target }) => target);
    expect(targets).toEqual(['config', 'config-files', 'manifests', 'events', 'operations', 'workflows', 'answers', 'http', 'sockets']);
    // each reached more than its first check
    for (const { target, outcomes = [] } of lines.slice(0, -1)) expect([target, outcomes.length > 1]).toEqual([target, true]);
    const deep = { answers: 'EVENTS_LOST', http: 'HEADER_INVALID', workflows: 'answered' };
    for (const [name, outcome] of Object.entries(deep)) {
      expect(lines.find(({ target }) => target === name)?.outcomes).toContainEqual([outcome, expect.any(Number)]);
    }
  });

  it('is the same for the same seed', () => {
    const outcomes = () => fuzz(['config', 'manifests', '--cases', '500', '--seed', '3', '--json']).lines.map((line) => line.outcomes);
    expect(outcomes()).toEqual(outcomes());
  });

  it('has no other targets', () => {
    expect(fuzz(['cofnig']).status).toBe(2);
  });
});

describe('a run of cases', () => {
  it.each([
    ['throws what is no error of ours', 'throw new TypeError("mine")', 'TypeError: mine'],
    ['changes a prototype', 'Object.prototype.polluted = 1; return "x"', 'the prototype of Object has a new key: polluted'],
    [
      'leaves a rejection to nobody',
      'void Promise.reject(new Error("stray")); await new Promise(setImmediate); return "x"',
      'nobody caught: Error: stray',
    ],
    ['calls it our fault', 'return outcomeOf({ code: "HANDLER_THREW", kind: "plugin", message: "m" })', 'bad input is called our fault'],
    ['has a code without a text', 'return outcomeOf({ code: "NO_SUCH", kind: "input", message: "m" })', 'the code NO_SUCH is in no table'],
  ])('finds a check that %s, with the smallest case', (_what, code, failure) => {
    const folder = tempFolder('bellows-fuzz-test');
    const file = path.join(folder, 'broken.mjs');
    writeFileSync(
      file,
      `import { createRequire } from 'node:module';
import { outcomeOf, runTarget } from ${JSON.stringify(path.join(FUZZ, 'run-target.mjs'))};
const fc = createRequire(${JSON.stringify(path.join(FUZZ, 'x.mjs'))})('fast-check');
const open = async () => ({ arbitrary: fc.nat(1000), check: async (value) => { if (value < 10) return 'x'; ${code} } });
const { failure, counterexample } = await runTarget({ open }, { seed: 1, cases: 100, watchdog: { beat() {} } });
console.log(JSON.stringify({ failure, counterexample }));
`,
    );
    const { stdout } = spawnSync(process.execPath, [file], { encoding: 'utf8', env: cleanEnv() });
    expect(JSON.parse(stdout)).toEqual({ failure: expect.stringContaining(failure), counterexample: '[10]' });
  });
});

describe('the command line of the fuzz', () => {
  it.each([
    [['--help'], 0, 'stdout'],
    [['--sed', '1'], 2, 'stderr'],
    [['nowhere'], 2, 'stderr'],
  ] as const)('%j ends with %i and names the targets', (args, code, output) => {
    const ran = spawnSync(process.execPath, [path.join(FUZZ, 'fuzz.mjs'), ...args], { encoding: 'utf8', env: cleanEnv(), timeout: 60_000 });
    expect([ran.status, ran[output]]).toEqual([code, expect.stringContaining('config-files')]);
    expect(ran.stderr).not.toContain('    at ');
  });
});

describe('the watchdog', () => {
  it('ends a process that a case holds up, and says how to see that again', () => {
    const file = path.join(tempFolder('bellows-fuzz-test'), 'held-up.mjs');
    writeFileSync(
      file,
      `import { startWatchdog } from ${JSON.stringify(path.join(FUZZ, 'watchdog.mjs'))};
const watchdog = startWatchdog(400);
watchdog.enter('sample, seed 7');
watchdog.beat();
for (;;);
`,
    );
    const { signal, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8', env: cleanEnv(), timeout: 30_000 });
    expect([signal, stderr]).toEqual(['SIGKILL', 'FAIL sample, seed 7 has held up the process for 0.4 s\n']);
  });
});

interface Line {
  readonly ok?: boolean;
  readonly target?: string;
  readonly outcomes?: readonly unknown[];
}

function fuzz(args: readonly string[]): { readonly status: number | null; readonly lines: readonly Line[] } {
  const { status, stdout } = spawnSync(process.execPath, [path.join(FUZZ, 'fuzz.mjs'), ...args], { encoding: 'utf8', env: cleanEnv() });
  return { status, lines: stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Line] : [])) };
}
