import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { cleanEnv, REPOSITORY } from './running-host.js';
import { tempFolder } from './temp-folder.js';

/** What `.ci/run` does about a browser, with everything around it replaced: the machine must stay as it is. */
function runOn({ isRoot, apt }: { readonly isRoot: boolean; readonly apt: string }) {
  const folder = tempFolder('bellows-ci-browser');
  const programs = path.join(folder, 'programs');
  for (const name of ['.ci', 'tools', 'programs']) mkdirSync(path.join(folder, name));
  copyFileSync(path.join(REPOSITORY, '.ci/run'), path.join(folder, '.ci/run'));
  writeFileSync(
    path.join(folder, 'tools/find-browser.mjs'),
    "import { existsSync } from 'node:fs';\nconsole.log(existsSync('chromium') ? 'chromium' : '');\n",
  );
  const stubs = { npm: 'echo "Tests:       1 passed, 1 total"', id: `echo ${isRoot ? 0 : 1000}`, 'apt-get': apt };
  for (const [name, body] of Object.entries(stubs)) {
    writeFileSync(path.join(programs, name), `#!/bin/sh\n${body}\n`);
    chmodSync(path.join(programs, name), 0o755);
  }
  const env = cleanEnv({ PATH: `${programs}${path.delimiter}${path.dirname(process.execPath)}${path.delimiter}${process.env.PATH}` });
  const { status, stdout } = spawnSync('bash', [path.join(folder, '.ci/run')], { env, encoding: 'utf8', input: 'yes\n' });
  return { status, stdout };
}

const FAILED = 'FAILED  no browser for the tests of the page';
const ON_INSTALL = (work: string) => `case "$*" in *install*) ${work} ;; esac`;

describe('.ci/run where no browser is', () => {
  it('installs one as root, says so, and decides by the tests', () => {
    const { status, stdout } = runOn({ isRoot: true, apt: ON_INSTALL('touch chromium') });
    expect(stdout).toContain('installing Debian’s chromium (apt-get)');
    expect(stdout).toContain('=== browser: chromium\n');
    expect([status, stdout.includes(FAILED)]).toEqual([0, false]);
  });

  it('tries with old lists of packages when new ones do not come', () => {
    const { status, stdout } = runOn({ isRoot: true, apt: `${ON_INSTALL('touch chromium; exit 0')}\nexit 100` });
    expect(stdout).toContain('The lists of packages could not be renewed');
    expect(status).toBe(0);
  });

  it('answers no question: whoever asks finds the end of the input, whatever stands in that of the script', () => {
    const { status } = runOn({ isRoot: true, apt: ON_INSTALL('read answer && exit 100; touch chromium') });
    expect(status).toBe(0);
  });

  it.each([
    ['as root where installing fails', true, 'apt-get could not install chromium.'],
    ['as somebody else', false, 'installing one needs root and apt-get'],
  ])('runs the rest and fails, also outside of continuous integration: %s', (_who, isRoot, said) => {
    const { status, stdout } = runOn({ isRoot, apt: 'exit 100' });
    expect(stdout).toContain(said);
    expect(stdout).toContain(FAILED);
    expect(stdout).toContain('3 passed, 0 failed');
    expect(status).toBe(1);
  });
});
