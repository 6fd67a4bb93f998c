/** What the control group of this process allows and has used; undefined where there is no limit or no reading. */
export interface CgroupReading {
  readonly cpuLimitCores?: number;
  readonly cpuUsedMs?: number;
  readonly memoryLimitBytes?: number;
  /** Without file pages that would be given back. */
  readonly memoryUsedBytes?: number;
}

type ReadText = (file: string) => string | undefined;

/** Version 2 where there is one (https://docs.kernel.org/admin-guide/cgroup-v2.html), else version 1; `{}` outside Linux. */
export function readCgroup(readText: ReadText): CgroupReading {
  return isVersion2(readText) ? readVersion2(readText) : readVersion1(readText);
}

/** Undefined where control groups are not there or cannot be read. */
export function cgroupVersion(readText: ReadText): 1 | 2 | undefined {
  if (isVersion2(readText)) return 2;
  return VERSION_1_FILES.some((file) => readText(file) !== undefined) ? 1 : undefined;
}

function isVersion2(readText: ReadText): boolean {
  return readText('/sys/fs/cgroup/cgroup.controllers') !== undefined;
}

const VERSION_1_FILES = ['/sys/fs/cgroup/cpu/cpu.cfs_quota_us', '/sys/fs/cgroup/memory/memory.limit_in_bytes'] as const;

/**
 * A group is bound by its own limits and by those of every group above it: the smallest counts. Use is read where the limit is,
 * because others share it there.
 */
function readVersion2(readText: ReadText): CgroupReading {
  const folders = withParents(ownFolder(readText));
  const cpu = smallest(folders, (folder) => cpuLimit(readText(`${folder}/cpu.max`)));
  const memory = smallest(folders, (folder) => number(readText(`${folder}/memory.max`)));
  const usedUs = field(readText(`${cpu.folder}/cpu.stat`), 'usage_usec');
  const used = number(readText(`${memory.folder}/memory.current`));
  const inactive = field(readText(`${memory.folder}/memory.stat`), 'inactive_file') ?? 0;
  return defined({
    cpuLimitCores: cpu.limit,
    cpuUsedMs: usedUs === undefined ? undefined : usedUs / 1000,
    memoryLimitBytes: memory.limit,
    memoryUsedBytes: used === undefined ? undefined : Math.max(0, used - inactive),
  });
}

const ROOT = '/sys/fs/cgroup';

/** From the group itself up to the top. */
function withParents(folder: string): [own: string, ...parents: string[]] {
  const parents: string[] = [];
  for (let current = folder; current.length > ROOT.length; ) {
    current = current.slice(0, current.lastIndexOf('/'));
    parents.push(current);
  }
  return [folder, ...parents];
}

/** The own group where there is no limit. */
function smallest(
  folders: readonly [string, ...string[]],
  limitOf: (folder: string) => number | undefined,
): { readonly folder: string; readonly limit: number | undefined } {
  let found: { readonly folder: string; readonly limit: number | undefined } = { folder: folders[0], limit: undefined };
  for (const folder of folders) {
    const limit = limitOf(folder);
    if (limit !== undefined && limit < (found.limit ?? Number.POSITIVE_INFINITY)) found = { folder, limit };
  }
  return found;
}

function cpuLimit(text: string | undefined): number | undefined {
  const [quota, period] = (text ?? 'max').trim().split(' ');
  return quota === 'max' ? undefined : divide(number(quota), number(period));
}

/** In a container the own group is mounted at the top; outside, its path is in /proc/self/cgroup. */
function ownFolder(readText: ReadText): string {
  const own = /^0::(\/.*)$/m.exec(readText('/proc/self/cgroup') ?? '')?.[1] ?? '/';
  const folder = `${ROOT}${own === '/' ? '' : own}`;
  return readText(`${folder}/cpu.stat`) === undefined ? ROOT : folder;
}

function readVersion1(readText: ReadText): CgroupReading {
  const quota = number(readText('/sys/fs/cgroup/cpu/cpu.cfs_quota_us'));
  const period = number(readText('/sys/fs/cgroup/cpu/cpu.cfs_period_us'));
  const usedNs = number(readText('/sys/fs/cgroup/cpuacct/cpuacct.usage'));
  const used = number(readText('/sys/fs/cgroup/memory/memory.usage_in_bytes'));
  const inactive = field(readText('/sys/fs/cgroup/memory/memory.stat'), 'total_inactive_file') ?? 0;
  return defined({
    cpuLimitCores: quota === undefined || quota <= 0 ? undefined : divide(quota, period),
    cpuUsedMs: usedNs === undefined ? undefined : usedNs / 1e6,
    memoryLimitBytes: number(readText('/sys/fs/cgroup/memory/memory.limit_in_bytes')),
    memoryUsedBytes: used === undefined ? undefined : Math.max(0, used - inactive),
  });
}

function field(text: string | undefined, name: string): number | undefined {
  return number(
    text
      ?.split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1),
  );
}

function number(text: string | undefined): number | undefined {
  const value = text === undefined || text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}

function divide(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined || b === 0 ? undefined : a / b;
}

function defined(reading: { [K in keyof CgroupReading]: CgroupReading[K] | undefined }): CgroupReading {
  return Object.fromEntries(Object.entries(reading).filter(([, value]) => value !== undefined));
}
