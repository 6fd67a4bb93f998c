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
  return readText('/sys/fs/cgroup/cgroup.controllers') === undefined ? readVersion1(readText) : readVersion2(readText);
}

function readVersion2(readText: ReadText): CgroupReading {
  const folder = ownFolder(readText);
  const read = (name: string) => readText(`${folder}/${name}`);
  const [quota, period] = (read('cpu.max') ?? 'max').trim().split(' ');
  const usedUs = field(read('cpu.stat'), 'usage_usec');
  const used = number(read('memory.current'));
  const inactive = field(read('memory.stat'), 'inactive_file') ?? 0;
  return defined({
    cpuLimitCores: quota === 'max' ? undefined : divide(number(quota), number(period)),
    cpuUsedMs: usedUs === undefined ? undefined : usedUs / 1000,
    memoryLimitBytes: number(read('memory.max')),
    memoryUsedBytes: used === undefined ? undefined : Math.max(0, used - inactive),
  });
}

/** In a container the own group is mounted at the top; outside, its path is in /proc/self/cgroup. */
function ownFolder(readText: ReadText): string {
  const own = /^0::(\/.*)$/m.exec(readText('/proc/self/cgroup') ?? '')?.[1] ?? '/';
  const folder = `/sys/fs/cgroup${own === '/' ? '' : own}`;
  return readText(`${folder}/cpu.stat`) === undefined ? '/sys/fs/cgroup' : folder;
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
