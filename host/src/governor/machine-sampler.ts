import { readFileSync } from 'node:fs';
import os from 'node:os';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { IClock, IMachine, MachineSample } from '@bellows/sdk';
import { type CgroupReading, readCgroup } from './cgroup.js';

/** The delay histogram wakes at this rate; finer costs CPU on an idle host, and what it adds is subtracted below. */
const DELAY_RESOLUTION_MS = 20;
const NANOSECONDS_PER_MS = 1e6;

/** Reads the machine every `sampleMs` and keeps the newest reading. */
export class MachineSampler implements IMachine, Disposable {
  latest: MachineSample;
  readonly #clock: IClock;
  readonly #delay: ReturnType<typeof monitorEventLoopDelay>;
  #sampleMs: number;
  #stop: () => void;
  #cpu: CpuReading;
  #utilization = performance.eventLoopUtilization();

  constructor(clock: IClock, sampleMs: number) {
    this.#clock = clock;
    this.#delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
    this.#delay.enable();
    const cgroup = readCgroup(readText);
    this.#cpu = readCpu(cgroup, clock.monotonicMs());
    this.latest = this.#sample(cgroup, 0);
    this.#sampleMs = sampleMs;
    this.#stop = clock.setRepeating(sampleMs, () => this.#update());
  }

  /** Not to be called after it was disposed. */
  setPeriod(sampleMs: number): void {
    if (sampleMs === this.#sampleMs) return;
    this.#stop();
    this.#sampleMs = sampleMs;
    this.#stop = this.#clock.setRepeating(sampleMs, () => this.#update());
  }

  [Symbol.dispose](): void {
    this.#stop();
    this.#delay.disable();
  }

  #update(): void {
    const cgroup = readCgroup(readText);
    const cpu = readCpu(cgroup, this.#clock.monotonicMs());
    const ratio = cpuRatio(this.#cpu, cpu);
    this.#cpu = cpu;
    this.latest = this.#sample(cgroup, ratio);
  }

  #sample(cgroup: CgroupReading, ratio: number): MachineSample {
    const memory = process.memoryUsage();
    const { totalBytes, usedBytes } = readMemory(cgroup);
    const utilization = performance.eventLoopUtilization();
    const p99Ms = this.#delay.percentile(99) / NANOSECONDS_PER_MS - DELAY_RESOLUTION_MS;
    this.#delay.reset();
    const sample: MachineSample = Object.freeze({
      at: this.#clock.now(),
      cores: coresOf(cgroup),
      cpuRatio: ratio,
      memoryTotalBytes: totalBytes,
      memoryUsedBytes: usedBytes,
      memoryRatio: totalBytes > 0 ? Math.min(1, usedBytes / totalBytes) : 0,
      eventLoopDelayP99Ms: Number.isFinite(p99Ms) ? Math.max(0, p99Ms) : 0,
      eventLoopUtilization: performance.eventLoopUtilization(utilization, this.#utilization).utilization,
      heapUsedBytes: memory.heapUsed,
      rssBytes: memory.rss,
    });
    this.#utilization = utilization;
    return sample;
  }
}

interface CpuReading {
  readonly busyMs: number;
  /** What could have been busy since the same origin. */
  readonly possibleMs: number;
}

function cpuRatio(before: CpuReading, after: CpuReading): number {
  const possible = after.possibleMs - before.possibleMs;
  return possible > 0 ? Math.min(1, Math.max(0, (after.busyMs - before.busyMs) / possible)) : 0;
}

/** With a CPU quota, what the group used of it; else what all cores of the machine did. */
function readCpu(cgroup: CgroupReading, nowMs: number): CpuReading {
  if (cgroup.cpuLimitCores !== undefined && cgroup.cpuUsedMs !== undefined) {
    // a quota may be larger than the machine
    return { busyMs: cgroup.cpuUsedMs, possibleMs: nowMs * Math.min(cgroup.cpuLimitCores, os.availableParallelism()) };
  }
  let busyMs = 0;
  let possibleMs = 0;
  for (const { times } of os.cpus()) {
    const sum = times.user + times.nice + times.sys + times.idle + times.irq;
    possibleMs += sum;
    busyMs += sum - times.idle;
  }
  return { busyMs, possibleMs };
}

function readMemory(cgroup: CgroupReading): { readonly totalBytes: number; readonly usedBytes: number } {
  const total = os.totalmem();
  if (cgroup.memoryLimitBytes !== undefined && cgroup.memoryLimitBytes < total && cgroup.memoryUsedBytes !== undefined) {
    return { totalBytes: cgroup.memoryLimitBytes, usedBytes: cgroup.memoryUsedBytes };
  }
  return { totalBytes: total, usedBytes: total - availableBytes(total) };
}

/** On Linux "free" leaves out the file cache, which is given back on demand. */
function availableBytes(total: number): number {
  const match = /^MemAvailable:\s+(\d+) kB$/m.exec(readText('/proc/meminfo') ?? '');
  return match ? Number(match[1]) * 1024 : Math.min(total, os.freemem());
}

function coresOf({ cpuLimitCores }: CgroupReading): number {
  const cores = os.availableParallelism();
  return cpuLimitCores === undefined ? cores : Math.max(1, Math.min(cores, Math.floor(cpuLimitCores)));
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
