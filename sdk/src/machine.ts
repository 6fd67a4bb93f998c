/** What one reading of the machine says. Ratios are 0 to 1 and of what this process may use (cgroup), not of the box. */
export interface MachineSample {
  readonly at: number;
  readonly cores: number;
  readonly cpuRatio: number;
  readonly memoryTotalBytes: number;
  readonly memoryUsedBytes: number;
  readonly memoryRatio: number;
  readonly eventLoopDelayP99Ms: number;
  readonly eventLoopUtilization: number;
  readonly heapUsedBytes: number;
  readonly rssBytes: number;
}

/** The latest reading; the host samples every `governor.sampleMs`. Cheap: no reading is made by the call. */
export interface IMachine {
  readonly latest: MachineSample;
}
