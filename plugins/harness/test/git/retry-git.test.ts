import { chmodSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { seededRandom } from '@bellows/sdk';
import { afterEach, describe, expect, it } from '@jest/globals';
import { retryGit } from '../../src/git/retry-git.js';
import { runGit } from '../../src/git/run-git.js';
import { TemporaryRepository } from './temporary-repository.js';

const { PATH } = process.env;

/** Pauses that take no time; `during` is called in each. */
const pauses = (during: (attempt: number) => void) => {
  let attempt = 0;
  return { random: seededRandom(1), clock: { sleep: async () => during(++attempt) } };
};

describe('trying git again', () => {
  afterEach(() => {
    process.env.PATH = PATH;
  });

  it('ends when the lock of another git is gone', async () => {
    using temporary = new TemporaryRepository();
    const locks = ['refs/heads/main.lock', 'config.lock'].map((name) => path.join(temporary.path, '.git', name));
    const commands = [
      ['update-ref', 'refs/heads/main', 'HEAD'],
      ['config', 'a.b', 'c'],
    ];
    for (const [at, command] of commands.entries()) {
      writeFileSync(locks[at]!, '');
      const attempts: number[] = [];
      const during = (attempt: number) => {
        attempts.push(attempt);
        if (attempt === 2) rmSync(locks[at]!);
      };
      await retryGit(() => runGit(temporary.path, command), pauses(during));
      expect(attempts).toEqual([1, 2]);
    }
  });

  it('gives up after forty attempts, and at once for what time does not mend', async () => {
    using temporary = new TemporaryRepository();
    let count = 0;
    const during = () => void count++;
    writeFileSync(path.join(temporary.path, '.git/config.lock'), '');
    await expect(retryGit(() => runGit(temporary.path, ['config', 'a.b', 'c']), pauses(during))).rejects.toMatchObject({
      code: 'GIT_FAILED',
    });
    expect(count).toBe(39);
    const moved = ['update-ref', 'refs/heads/main', 'HEAD', '1'.repeat(40)];
    for (const command of [moved, ['log', 'nowhere']]) {
      await expect(retryGit(() => runGit(temporary.path, command), pauses(during))).rejects.toMatchObject({ code: 'GIT_FAILED' });
    }
    await expect(retryGit(() => Promise.reject(new Error('other')), pauses(during))).rejects.toThrow('other');
    expect(count).toBe(39);
  });

  it('makes a workspace although git reads the half-written entry of another one', async () => {
    using temporary = new TemporaryRepository();
    const repository = await temporary.open();
    // so that git itself makes the workspace, as beside reftables
    writeFileSync(path.join(temporary.path, '.git/HEAD'), 'ref: refs/heads/.invalid\n');
    const words = 'fatal: failed to read .git/worktrees/x12/commondir: Success';
    const once = (step: string) => `*'${step}'*) mkdir '${temporary.folder}/${step}' 2>&- && { echo '${words}' >&2; exit 128; };;`;
    const script = `#!/bin/sh\nPATH='${PATH}'\ncase "$*" in ${once('worktree add')} ${once('worktree list')} ${once('checkout --force')} esac\nexec git "$@"\n`;
    writeFileSync(path.join(temporary.folder, 'git'), script);
    chmodSync(path.join(temporary.folder, 'git'), 0o755);
    process.env.PATH = temporary.folder;
    const base = (await repository.commitOf('main')) ?? '';
    const workspaces = temporary.workspaces();
    const workspace = await workspaces.create(repository, { name: 'one', base });
    expect(await repository.checkedOutAt('bellows/work/one')).toBe(workspace.path);
    expect(readdirSync(temporary.folder)).toEqual(expect.arrayContaining(['worktree add', 'worktree list', 'checkout --force']));
  });
});
