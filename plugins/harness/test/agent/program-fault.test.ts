import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { programFault } from '../../src/agent/program-fault.js';
import { TemporaryRepository } from '../git/temporary-repository.js';

/** Programs and other files on a PATH of their own, absolute, and in a commit; what is not committed is no program either. */
async function scene() {
  const temporary = new TemporaryRepository();
  const folder = path.join(temporary.folder, 'programs');
  const tools = path.join(temporary.path, 'tools');
  for (const at of [folder, tools, path.join(folder, 'a-folder')]) mkdirSync(at);
  for (const at of [path.join(folder, 'agent'), path.join(folder, 'text'), path.join(tools, 'check'), path.join(tools, 'text')]) {
    writeFileSync(at, '#!/bin/sh\n');
    chmodSync(at, at.endsWith('text') ? 0o644 : 0o755);
  }
  symlinkSync('tools', path.join(temporary.path, 'linked'));
  symlinkSync('/bin/sh', path.join(temporary.path, 'outside'));
  symlinkSync('nowhere', path.join(temporary.path, 'dangling'));
  temporary.git('add', '.');
  temporary.git('commit', '--quiet', '-m', 'tools');
  writeFileSync(path.join(temporary.path, 'uncommitted'), '#!/bin/sh\n', { mode: 0o755 });
  const place = { repository: await temporary.open(), commit: temporary.git('rev-parse', 'HEAD').trim(), env: { PATH: folder } };
  return { folder, place, [Symbol.dispose]: () => temporary[Symbol.dispose]() };
}

describe('a program', () => {
  it('that is there is fine, wherever it is', async () => {
    using at = await scene();
    for (const program of ['agent', path.join(at.folder, 'agent'), './tools/check', 'tools/../tools/check', 'linked/check', './outside']) {
      expect([program, await programFault(program, at.place)]).toEqual([program, null]);
    }
    // in every workspace another one
    expect(await programFault('check', { ...at.place, env: { PATH: `${at.folder}:tools` } })).toBeNull();
  });

  it.each([
    ['nothing', /no "nothing" on the PATH of the host.*\.\/nothing, are meant from the top of the workspace/],
    ['text', /on the PATH of the host, but may not be run/],
    ['a-folder', /no "a-folder" on the PATH/],
    ['/nobody/has/this', /no file "\/nobody\/has\/this"/],
    ['/etc/passwd', /may not be run/],
    ['/etc', /no file/],
    ['./tools/nothing', /no "tools\/nothing" in commit [0-9a-f]{12}: relative paths are meant from the top of the workspace/],
    ['./tools', /no "tools" in commit/],
    ['./tools/text', /not executable in commit/],
    ['./uncommitted', /no "uncommitted" in commit.*Commit it/],
    ['./dangling', /no "dangling" in commit/],
    ['../agent', /leads out of the workspace/],
    ['tools/../../agent', /leads out of the workspace/],
    ['./*', /no "\*" in commit/],
    ['./a\nb', /no "a\\nb" in commit/],
    [`./${'x'.repeat(5_000)}`, /^.{0,700}$/],
  ])('%j that is not there, or may not be run, is told with where it was looked for', async (program, words) => {
    using at = await scene();
    expect(await programFault(program, at.place)).toMatch(words);
  });
});
