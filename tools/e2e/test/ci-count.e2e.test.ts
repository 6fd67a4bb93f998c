import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { REPOSITORY } from './running-host.js';
import { tempFolder } from './temp-folder.js';

const SCRIPT = readFileSync(path.join(REPOSITORY, '.ci/run'), 'utf8');

function functionOf(name: string): string {
  return new RegExp(`^${name}\\(\\) \\{\\n[\\s\\S]*?^\\}`, 'm').exec(SCRIPT)?.[0] ?? '';
}

const LOG = `
Tests:       1 failed, 2 skipped, 3 todo, 41 passed, 47 total
\u001b[1mTests:\u001b[22m       \u001b[32m7 passed\u001b[39m, 7 total
\u001b[34mℹ tests 8\u001b[39m
\u001b[34mℹ pass 8\u001b[39m
\u001b[34mℹ fail 0\u001b[39m
ℹ cancelled 1
# pass 2
# fail 3
# skipped 4
  a line that says pass 100, and Tests: 100 passed
`;

const FAILURES = `
> nx run @bellows/host:test
\u001b[7m\u001b[31m FAIL \u001b[39m\u001b[27m host test/a.test.ts (5.1 s)
  a thing
    ✕ does something (3 ms)

  ● Console

    console.log
      what it says meanwhile

  ● a thing › does something

    printed:

    FAIL test/of-another-run.test.ts
      ● a test of another run

\u001b[32m PASS \u001b[39m host test/c.test.ts
  ● Console

    console.log
      what it says meanwhile

FAIL host test/b.test.ts
  ● Test suite failed to run

    It leaves a timer open.

Summary of all failing tests
FAIL test/a.test.ts (5.1 s)
  ● a thing › does something

    printed:

FAIL test/b.test.ts
  ● Test suite failed to run

    It leaves a timer open.

Test Suites: 2 failed, 1 passed, 3 total
Tests:       1 failed, 2 passed, 3 total
\u001b[2m> \u001b[22m\u001b[2mnx run\u001b[22m @bellows/one:test
✖ failing tests:

✖ greets
\u001b[2m> \u001b[22m\u001b[2mnx run\u001b[22m @bellows/other:test
✖ failing tests:

✖ takes leave
> nx run @bellows/sdk:test
FAIL sdk test/a.test.ts
  ● Test suite failed to run

    It leaves a timer open.

Test Suites: 1 failed, 1 total
Tests:       9 passed, 9 total
`;

describe('.ci/run', () => {
  let log: string;

  beforeAll(() => {
    log = path.join(tempFolder(), 'log');
    writeFileSync(log, LOG);
  });

  it.each([
    ['passed', 41 + 7 + 8 + 2],
    ['failed', 1 + 0 + 1 + 3],
    ['skipped', 2 + 3 + 4],
  ])('counts what has %s under Jest and under the runner of Node', (name, expected) => {
    const line = new RegExp(`^${name}=.*$`, 'm').exec(SCRIPT)?.[0] ?? '';
    const program = `set -euo pipefail\nlog=$1\n${functionOf('count')}\n${line}\necho "$${name}"`;
    expect(execFileSync('bash', ['-c', program, 'bash', log], { encoding: 'utf8' })).toBe(`${expected}\n`);
  });

  it('says at its end which tests have failed and how, each once', () => {
    writeFileSync(log, FAILURES);
    const program = `set -euo pipefail\nlog=$1\n${functionOf('failures')}\nfailures`;
    const said = execFileSync('bash', ['-c', program, 'bash', log], { encoding: 'utf8' });
    expect(said.split('\n').filter((line) => line.trim() !== '')).toEqual([
      '--- host test/a.test.ts',
      '  ● a thing › does something',
      '    printed:',
      '    FAIL test/of-another-run.test.ts',
      '      ● a test of another run',
      '--- host test/b.test.ts',
      '  ● Test suite failed to run',
      '    It leaves a timer open.',
      '--- @bellows/one:test',
      '✖ failing tests:',
      '✖ greets',
      '--- @bellows/other:test',
      '✖ failing tests:',
      '✖ takes leave',
      '--- sdk test/a.test.ts',
      '  ● Test suite failed to run',
      '    It leaves a timer open.',
    ]);
  });
});
