import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { REPOSITORY } from './running-host.js';
import { tempFolder } from './temp-folder.js';

const SCRIPT = readFileSync(path.join(REPOSITORY, '.ci/run'), 'utf8');
const COUNT = /^count\(\) \{\n[\s\S]*?^\}/m.exec(SCRIPT)?.[0] ?? '';

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
    const program = `set -euo pipefail\nlog=$1\n${COUNT}\n${line}\necho "$${name}"`;
    expect(execFileSync('bash', ['-c', program, 'bash', log], { encoding: 'utf8' })).toBe(`${expected}\n`);
  });
});
