import type { IMachine } from '@bellows/sdk';

const MEMORY_BYTES = 8 * 2 ** 30;

/** Four idle cores with 8 GiB, of which a quarter is in use; always the same, so that limits are too. */
export const TEST_MACHINE: IMachine = Object.freeze({
  latest: Object.freeze({
    at: 0,
    cores: 4,
    cpuRatio: 0,
    memoryTotalBytes: MEMORY_BYTES,
    memoryUsedBytes: MEMORY_BYTES / 4,
    memoryRatio: 0.25,
    eventLoopDelayP99Ms: 0,
    eventLoopUtilization: 0,
    heapUsedBytes: 64 * 2 ** 20,
    rssBytes: 128 * 2 ** 20,
  }),
});
