import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { openRepository } from '../../src/git/repository.js';
import { runGit } from '../../src/git/run-git.js';
import { TemporaryRepository } from './temporary-repository.js';

const { PATH } = process.env;

/** A git of our own in place of the real one. */
function replaceGit(folder: string, script: string): void {
  const file = path.join(folder, 'git');
  writeFileSync(file, `#!/bin/sh\nPATH='${PATH}'\n${script}\n`);
  chmodSync(file, 0o755);
  process.env.PATH = folder;
}

describe('running git', () => {
  afterEach(() => {
    process.env.PATH = PATH;
    delete process.env.GIT_DIR;
  });

  it('gives output and exit code, and the words of git when it fails', async () => {
    using temporary = new TemporaryRepository();
    expect(await runGit(temporary.path, ['rev-parse', '--is-inside-work-tree'])).toEqual({
      code: 0,
      stdout: 'true\n',
      stderr: '',
      truncated: false,
    });
    expect((await runGit(temporary.path, ['diff', '--quiet', 'HEAD'], { answers: [0, 1] })).code).toBe(0);
    await expect(runGit(temporary.path, ['log', 'nowhere'])).rejects.toMatchObject({
      code: 'GIT_FAILED',
      message: expect.stringMatching(/^git log failed in .*unknown revision/s),
    });
    await expect(runGit(path.join(temporary.path, 'gone'), ['log'])).rejects.toMatchObject({ code: 'GIT_FAILED' });
  });

  it('does not listen to the environment of the caller nor to hooks', async () => {
    using temporary = new TemporaryRepository();
    process.env.GIT_DIR = '/nonexistent';
    const hook = path.join(temporary.path, '.git/hooks/reference-transaction');
    const called = path.join(temporary.folder, 'called');
    writeFileSync(hook, `#!/bin/sh\ntouch '${called}'\n`);
    chmodSync(hook, 0o755);
    await runGit(temporary.path, ['update-ref', 'refs/heads/x', 'main']);
    expect(existsSync(called)).toBe(false);
    temporary.git('update-ref', 'refs/heads/y', 'main');
    expect(existsSync(called)).toBe(true);
  });

  it('keeps a bounded part of the output and goes on reading', async () => {
    using temporary = new TemporaryRepository();
    temporary.commit({ big: 'x'.repeat(1_000_000) });
    const { stdout, truncated, code } = await runGit(temporary.path, ['cat-file', 'blob', 'HEAD:big'], { maxOutputBytes: 1_000 });
    expect([stdout.length, truncated, code]).toEqual([1_000, true, 0]);
  });

  it('hands over input, also more than git reads', async () => {
    using temporary = new TemporaryRepository();
    const { stdout } = await runGit(temporary.path, ['hash-object', '--stdin'], { input: 'a\n' });
    expect(stdout.trim()).toBe(temporary.git('rev-parse', 'HEAD:a.txt'));
    await expect(runGit(temporary.path, ['log', 'nowhere'], { input: 'x'.repeat(1_000_000) })).rejects.toMatchObject({
      code: 'GIT_FAILED',
    });
  });

  it('ends git when it is aborted, and starts none afterwards', async () => {
    using temporary = new TemporaryRepository();
    const controller = new AbortController();
    replaceGit(temporary.folder, `[ "$1" = --version ] && exec git --version\ntouch '${temporary.folder}/started'\nexec sleep 600`);
    const running = runGit(temporary.path, ['log'], { signal: controller.signal });
    while (!existsSync(path.join(temporary.folder, 'started'))) await new Promise((resolve) => setImmediate(resolve));
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    await expect(runGit(temporary.path, ['log'], { signal: controller.signal })).rejects.toThrow('enough');
  });

  it('tells when there is no git, one that is too old, or something else of this name, and notices when that was mended', async () => {
    using temporary = new TemporaryRepository();
    process.env.PATH = temporary.folder;
    await expect(runGit(temporary.path, ['log'])).rejects.toMatchObject({
      code: 'GIT_MISSING',
      message: expect.stringContaining('Install git 2.38'),
    });
    replaceGit(temporary.folder, 'echo git version 2.37.9');
    await expect(runGit(temporary.path, ['log'])).rejects.toMatchObject({
      code: 'GIT_MISSING',
      message: expect.stringContaining('2.37 is too old'),
    });
    replaceGit(temporary.folder, 'echo hello');
    await expect(runGit(temporary.path, ['log'])).rejects.toMatchObject({ code: 'GIT_MISSING' });
    replaceGit(temporary.folder, 'exec git "$@"');
    expect((await runGit(temporary.path, ['log', '--format=%s'])).stdout).toBe('first\n');
  });

  it('says what to do about a repository of somebody else', async () => {
    using temporary = new TemporaryRepository();
    const words = "fatal: detected dubious ownership in repository at '/x'";
    replaceGit(temporary.folder, `[ "$1" = --version ] && exec git --version\necho "${words}" >&2\nexit 128`);
    await expect(openRepository(temporary.path)).rejects.toMatchObject({
      code: 'REPO_INVALID',
      message: expect.stringContaining('safe.directory'),
    });
  });
});
