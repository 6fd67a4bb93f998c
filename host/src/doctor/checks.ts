import { checkClock, checkTimers, checkTimeService } from './clock-checks.js';
import { checkConfiguration, checkPlugins, checkSecretFiles } from './configuration-checks.js';
import { checkData, checkDatabases, checkDataSpace, checkDataSystem, checkDataVersion, checkHostFile, checkLock } from './data-checks.js';
import type { Check } from './finding.js';
import { checkHost } from './host-check.js';
import { checkControlGroup, checkCores, checkMemory, checkOpenFiles, checkPressure } from './machine-checks.js';
import { checkNode, checkPlatform } from './node-checks.js';
import { checkPort } from './port-check.js';
import { checkBubblewrap, checkGit } from './program-checks.js';
import { checkTemporaryFolder } from './temporary-folder-check.js';

/** All of them, in the order in which they are shown. */
export const CHECKS: readonly Check[] = [
  { id: 'node', run: checkNode },
  { id: 'platform', run: checkPlatform },
  { id: 'configuration', run: checkConfiguration },
  { id: 'plugins', run: checkPlugins },
  { id: 'secrets', run: checkSecretFiles },
  { id: 'host', run: checkHost },
  { id: 'port', run: checkPort },
  { id: 'data folder', run: checkData },
  { id: 'data version', run: checkDataVersion },
  { id: 'databases', run: checkDatabases },
  { id: 'data lock', run: checkLock },
  { id: 'host.json', run: checkHostFile },
  { id: 'file system', run: checkDataSystem },
  { id: 'space', run: checkDataSpace },
  { id: 'temporary folder', run: checkTemporaryFolder },
  { id: 'git', run: checkGit },
  { id: 'bubblewrap', run: checkBubblewrap },
  { id: 'cores', run: checkCores },
  { id: 'memory', run: checkMemory },
  { id: 'control group', run: checkControlGroup },
  { id: 'pressure', run: checkPressure },
  { id: 'open files', run: checkOpenFiles },
  { id: 'clock', run: checkClock },
  { id: 'timers', run: checkTimers },
  { id: 'time service', run: checkTimeService },
];
