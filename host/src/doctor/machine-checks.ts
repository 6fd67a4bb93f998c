import { cgroupVersion, readCgroup } from '../governor/cgroup.js';
import { type Finding, ok, type Place, unknown, warn } from './finding.js';

const MEBIBYTE = 1024 * 1024;

export async function checkCores({ probes: { cores } }: Place): Promise<Finding> {
  if (cores > 1) return ok(`${cores} cores`);
  return warn('one core', 'It works; subsystems take turns, and long calculations make the others wait.');
}

export async function checkMemory({ probes }: Place): Promise<Finding> {
  const { memoryLimitBytes } = readCgroup(probes.readKernelText);
  const bytes = Math.min(probes.memoryBytes, memoryLimitBytes ?? Number.POSITIVE_INFINITY);
  const found = `${Math.round(bytes / MEBIBYTE)} MiB`;
  if (bytes >= 512 * MEBIBYTE) return ok(found);
  return warn(found, 'A host with all three plugins wants at least 512 MiB: give it more, or load fewer plugins.');
}

/** The limits of the group and of all groups above it, as the governor reads them. */
export async function checkControlGroup({ probes }: Place): Promise<Finding> {
  if (probes.platform !== 'linux') return unknown('control groups are of Linux only; the whole machine is taken as the budget');
  const version = cgroupVersion(probes.readKernelText);
  if (version === undefined)
    return warn('no control groups can be read', 'The whole machine is taken as the budget; mount /sys/fs/cgroup if limits are set.');
  const { cpuLimitCores, memoryLimitBytes } = readCgroup(probes.readKernelText);
  const cpu = cpuLimitCores === undefined ? 'no CPU limit' : `at most ${Number(cpuLimitCores.toFixed(2))} cores`;
  // Version 1 writes a number beyond every machine where there is no limit.
  const isBound = memoryLimitBytes !== undefined && memoryLimitBytes < probes.memoryBytes;
  const memory = !isBound ? 'no memory limit' : `at most ${Math.round(memoryLimitBytes / MEBIBYTE)} MiB`;
  const found = `version ${version}, ${cpu}, ${memory}`;
  if ((cpuLimitCores ?? 1) >= 1) return ok(found);
  return warn(found, 'Less than a core: the host is stopped in the middle of its work again and again. Allow one at least.');
}

/** Percent of the last ten seconds; more makes everything wait. */
const MUCH_PRESSURE = 20;

/** Pressure stall information: how much work waited for CPU, memory and disks in the last ten seconds. */
export async function checkPressure({ probes }: Place): Promise<Finding> {
  const found: string[] = [];
  let highest = 0;
  for (const what of ['cpu', 'memory', 'io']) {
    const ten = /^some avg10=([\d.]+)/m.exec(probes.readKernelText(`/proc/pressure/${what}`) ?? '')?.[1];
    if (ten === undefined) continue;
    found.push(`${what} ${ten} %`);
    highest = Math.max(highest, Number(ten));
  }
  if (found.length === 0) return unknown('this kernel tells no pressure (/proc/pressure)');
  const text = `work that waited in the last 10 s: ${found.join(', ')}`;
  if (highest < MUCH_PRESSURE) return ok(text);
  return warn(text, 'The machine is busy now: what waits waits for it, not for limits of Bellows. See what else runs.');
}

const FEW_FILES = 4_096;

export async function checkOpenFiles({ probes }: Place): Promise<Finding> {
  const limit = await probes.openFiles();
  if (limit === undefined) return unknown('the limit cannot be read here');
  if (limit >= FEW_FILES) return ok(limit === Number.POSITIVE_INFINITY ? 'no limit' : `at most ${limit}`);
  return warn(
    `at most ${limit}`,
    'Raise it (ulimit -n 65536, or LimitNOFILE of a systemd service): every connection, executor and agent takes some.',
  );
}
