import { type Finding, fail, ok, type Place, unknown, warn } from './finding.js';

export async function checkConfiguration({ configFile, configProblems }: Place): Promise<Finding> {
  if (configProblems.length === 0) return ok(configFile ?? 'built in');
  return fail(configProblems.join('; '), 'Mend it; "bellows check" shows each fault with its line.');
}

/** Loads what the plugins say of themselves, not their code; with a broken configuration, of those that can be understood. */
export async function checkPlugins({ probes, configFile }: Place): Promise<Finding> {
  const { problems, plugins } = await probes.readPlugins();
  if (problems.length > 0) return fail(problems.join('; '), 'Mend it; "bellows check" shows each fault with its line.');
  if (configFile === undefined) return unknown('there is no configuration that could name them');
  return ok(plugins.length === 0 ? 'the configuration names none' : plugins.join(', '));
}

/** Whether users other than the owner and the group may read what the configuration puts in with `${file:…}`, or others may change it. */
export async function checkSecretFiles({ probes, secretFiles }: Place): Promise<Finding> {
  if (secretFiles.length === 0) return ok('the configuration takes none from files');
  if (probes.platform === 'win32') return unknown('rights of files are not told like this on Windows');
  const found = await Promise.all(secretFiles.map(async (file) => ({ file, mode: ((await probes.stat(file))?.mode ?? 0) & 0o777 })));
  const open = found.filter(({ mode }) => (mode & TOO_OPEN) !== 0);
  if (open.length === 0) return ok(`${secretFiles.length === 1 ? 'one file' : `${secretFiles.length} files`}, not open to others`);
  const named = open.map(({ file, mode }) => `${file} (${mode.toString(8).padStart(4, '0')})`).join(', ');
  return warn(`open to other users: ${named}`, `Run: chmod o-rwx,g-w ${open.map(({ file }) => JSON.stringify(file)).join(' ')}`);
}

/** Anything for all users, and writing for the group. */
const TOO_OPEN = 0o027;
