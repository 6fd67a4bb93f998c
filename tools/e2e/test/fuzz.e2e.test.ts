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
    for (const { outcomes = [] } of lines.slice(0, -1)) expect(outcomes.length).toBeGreaterThan(0);
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

interface Line {
  readonly ok?: boolean;
  readonly target?: string;
  readonly outcomes?: readonly unknown[];
}

function fuzz(args: readonly string[]): { readonly status: number | null; readonly lines: readonly Line[] } {
  const { status, stdout } = spawnSync(process.execPath, [path.join(FUZZ, 'fuzz.mjs'), ...args], { encoding: 'utf8', env: cleanEnv() });
  return { status, lines: stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Line] : [])) };
}
