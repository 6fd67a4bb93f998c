import { nodeTooOld } from '../node-version.js';
import { type Finding, fail, ok, type Place, warn } from './finding.js';

/** What the tests run on. */
const TESTED_MAJORS: readonly number[] = [24, 26];

export async function checkNode({ probes: { nodeVersion } }: Place): Promise<Finding> {
  const tooOld = nodeTooOld(nodeVersion);
  if (tooOld !== undefined) return fail(tooOld, 'Install a newer Node.js; in a clone, npx --no-install bellows brings its own.');
  if (TESTED_MAJORS.includes(Number(nodeVersion.split('.')[0]))) return ok(`Node.js ${nodeVersion}`);
  return warn(`Node.js ${nodeVersion}, on which Bellows is not tested`, `Use Node.js ${TESTED_MAJORS.join(' or ')} if something is odd.`);
}

export async function checkPlatform({ probes: { platform, arch } }: Place): Promise<Finding> {
  const here = `${platform} on ${arch}`;
  if (platform === 'linux') return ok(here);
  if (platform === 'darwin') return warn(here, 'Start and tests work here; readings of control groups and pressure are of Linux only.');
  return warn(here, 'Bellows is made for Linux; here it may work, and nobody promises it.');
}
