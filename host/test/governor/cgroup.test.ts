import { describe, expect, it } from '@jest/globals';
import { readCgroup } from '../../src/governor/cgroup.js';

const from = (files: Record<string, string>) => (file: string) => (Object.hasOwn(files, file) ? files[file] : undefined);

describe('readCgroup', () => {
  it('reads limits and use of version 2 in the own group', () => {
    const reading = readCgroup(
      from({
        '/sys/fs/cgroup/cgroup.controllers': 'cpu memory',
        '/proc/self/cgroup': '0::/system.slice/bellows.service\n',
        '/sys/fs/cgroup/system.slice/bellows.service/cpu.max': '150000 100000\n',
        '/sys/fs/cgroup/system.slice/bellows.service/cpu.stat': 'usage_usec 2500000\nuser_usec 1\n',
        '/sys/fs/cgroup/system.slice/bellows.service/memory.max': '1073741824\n',
        '/sys/fs/cgroup/system.slice/bellows.service/memory.current': '500\n',
        '/sys/fs/cgroup/system.slice/bellows.service/memory.stat': 'anon 1\ninactive_file 200\n',
      }),
    );
    expect(reading).toEqual({ cpuLimitCores: 1.5, cpuUsedMs: 2500, memoryLimitBytes: 1_073_741_824, memoryUsedBytes: 300 });
  });

  it('takes the smallest limit of all groups above, with what is used there', () => {
    const reading = readCgroup(
      from({
        '/sys/fs/cgroup/cgroup.controllers': 'cpu memory',
        '/proc/self/cgroup': '0::/apps.slice/bellows.service\n',
        '/sys/fs/cgroup/apps.slice/cpu.max': '400000 100000',
        '/sys/fs/cgroup/apps.slice/cpu.stat': 'usage_usec 9000000',
        '/sys/fs/cgroup/apps.slice/memory.max': '1000',
        '/sys/fs/cgroup/apps.slice/memory.current': '900',
        '/sys/fs/cgroup/apps.slice/bellows.service/cpu.max': '100000 100000',
        '/sys/fs/cgroup/apps.slice/bellows.service/cpu.stat': 'usage_usec 2000000',
        '/sys/fs/cgroup/apps.slice/bellows.service/memory.max': 'max',
        '/sys/fs/cgroup/apps.slice/bellows.service/memory.current': '100',
      }),
    );
    expect(reading).toEqual({ cpuLimitCores: 1, cpuUsedMs: 2000, memoryLimitBytes: 1000, memoryUsedBytes: 900 });
  });

  it('knows no limit where version 2 says max', () => {
    const reading = readCgroup(
      from({
        '/sys/fs/cgroup/cgroup.controllers': '',
        '/proc/self/cgroup': '0::/\n',
        '/sys/fs/cgroup/cpu.max': 'max 100000',
        '/sys/fs/cgroup/memory.max': 'max',
      }),
    );
    expect(reading).toEqual({});
  });

  it('reads version 1', () => {
    const reading = readCgroup(
      from({
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '50000',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
        '/sys/fs/cgroup/cpuacct/cpuacct.usage': '7000000',
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': '2048',
        '/sys/fs/cgroup/memory/memory.usage_in_bytes': '1024',
        '/sys/fs/cgroup/memory/memory.stat': 'cache 1\ntotal_inactive_file 24\n',
      }),
    );
    expect(reading).toEqual({ cpuLimitCores: 0.5, cpuUsedMs: 7, memoryLimitBytes: 2048, memoryUsedBytes: 1000 });
  });

  it('knows nothing where there is no control group, or only nonsense', () => {
    expect(readCgroup(() => undefined)).toEqual({});
    expect(readCgroup(() => 'nonsense')).toEqual({});
  });
});
