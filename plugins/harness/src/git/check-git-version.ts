import { execFile } from 'node:child_process';
import { harnessError } from '../errors.js';

/** The first with `merge-tree --write-tree`. */
const OLDEST = { major: 2, minor: 38 };

/**
 * Resolves when the git on the PATH of `env` can be used, rejects with `GIT_MISSING` when there is none or it is too old. Asks git once per
 * PATH; after a rejection the next call asks again, so that installing git needs no restart.
 */
export function checkGitVersion(env: Readonly<Record<string, string>>): Promise<void> {
  const key = env.PATH ?? '';
  const known = CHECKS.get(key);
  if (known !== undefined) return known;
  const check = ask(env).then(judge);
  CHECKS.set(key, check);
  check.catch(() => CHECKS.delete(key));
  return check;
}

const CHECKS = new Map<string, Promise<void>>();

/** What `git --version` says; null without git. */
function ask(env: Readonly<Record<string, string>>): Promise<string | null> {
  return new Promise((resolve) => {
    execFile('git', ['--version'], { env, timeout: 30_000 }, (error, stdout) => resolve(error === null ? stdout : null));
  });
}

function judge(answer: string | null): void {
  const install = `Install git ${OLDEST.major}.${OLDEST.minor} or newer and see that it is on the PATH of the host`;
  if (answer === null) throw harnessError('GIT_MISSING', `There is no git that can be started. ${install}`);
  const [, major, minor] = /(\d+)\.(\d+)/.exec(answer) ?? [];
  if (major === undefined) throw harnessError('GIT_MISSING', `What git answered is no version: ${answer.slice(0, 100).trim()}. ${install}`);
  const newEnough = Number(major) > OLDEST.major || (Number(major) === OLDEST.major && Number(minor) >= OLDEST.minor);
  if (!newEnough) throw harnessError('GIT_MISSING', `git ${major}.${minor} is too old. ${install}`);
}
