import { type Finding, fail, ok, type Place, unknown, warn } from './finding.js';

/** The first with `merge-tree --write-tree`, with which verified work lands; the harness plugin refuses older ones. */
const OLDEST_GIT = { major: 2, minor: 38 };

/** Only the harness plugin needs it, and it commits under a name of its own: no user.name or user.email has to be set. */
export async function checkGit({ probes, configProblems }: Place): Promise<Finding> {
  const oldest = `${OLDEST_GIT.major}.${OLDEST_GIT.minor}`;
  const todo = `Install git ${oldest} or newer and see that it is on the PATH; jobs of the harness plugin cannot run without it.`;
  const ran = await probes.run(['git', '--version']);
  if (ran.how === 'hanging') return warn('git --version does not answer', 'Look what git on the PATH really is.');
  if (ran.how === 'missing') return (await isNeeded(probes, configProblems)) ? fail('there is none', todo) : warn('there is none', todo);
  const [, major, minor] = /(\d+)\.(\d+)/.exec(ran.how === 'ended' && ran.code === 0 ? ran.output : '') ?? [];
  if (major === undefined)
    return warn(`git --version says no version (${ran.how === 'ended' ? `exit code ${ran.code}` : ran.reason})`, todo);
  const isNew = Number(major) > OLDEST_GIT.major || (Number(major) === OLDEST_GIT.major && Number(minor) >= OLDEST_GIT.minor);
  if (!isNew) return fail(`git ${major}.${minor} is too old`, todo);
  return ok(`git ${major}.${minor}; it commits under a name of its own, user.name need not be set`);
}

async function isNeeded(probes: Place['probes'], configProblems: readonly string[]): Promise<boolean> {
  if (configProblems.length > 0) return false;
  return (await probes.readPlugins()).plugins.some((plugin) => plugin.startsWith('harness '));
}

/** All namespaces of its own, everything readable, nothing writable; ends at once. */
const TRIAL = ['bwrap', '--ro-bind', '/', '/', '--unshare-all', '--die-with-parent', 'true'] as const;
const NOT_USED = 'Nothing uses it yet: agents and their commands run with all rights of the user of the host. Nothing fails without it.';

/** Whether sandboxes without privileges would work here. */
export async function checkBubblewrap({ probes }: Place): Promise<Finding> {
  if (probes.platform !== 'linux') return unknown(`bubblewrap is for Linux only. ${NOT_USED}`);
  const version = await probes.run(['bwrap', '--version']);
  if (version.how === 'missing') return warn('bubblewrap is not installed', NOT_USED);
  if (version.how !== 'ended' || version.code !== 0) return warn('bwrap --version does not work', NOT_USED);
  const name = version.output.trim();
  const trial = await probes.run([...TRIAL]);
  if (trial.how === 'ended' && trial.code === 0) return ok(`${name}, and it can make a sandbox. ${NOT_USED}`);
  const why = trial.how === 'ended' ? (trial.output.trim().split('\n')[0] ?? '') : trial.how;
  return warn(`${name}, but it cannot make a sandbox here (${why}): user namespaces may be switched off`, NOT_USED);
}
