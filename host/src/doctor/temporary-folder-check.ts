import { type Finding, fail, ok, type Place, warn } from './finding.js';

/** Packed plugins are unpacked there for a check; agents and what they build use it as every program does. */
export async function checkTemporaryFolder({ probes }: Place): Promise<Finding> {
  const folder = probes.temporaryFolder;
  const code = await probes.tryFile(folder, { executable: probes.platform !== 'win32' });
  if (code === undefined) return ok(`${folder} can be written and run from`);
  if (code === 'EACCES' && (await probes.tryFile(folder, { executable: false })) === undefined)
    return warn(
      `programs cannot be run from ${folder} (noexec)`,
      'Set TMPDIR to a folder that is not mounted with noexec, if builds of agents fail.',
    );
  return fail(`${folder} cannot be written (${code})`, 'Set TMPDIR to a folder this user may write to.');
}
