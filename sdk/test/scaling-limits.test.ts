import { describe, expect, it } from '@jest/globals';
import { DEFAULT_SCALING_LIMITS, followConfigured } from '../src/scaling-limits.js';

const BEFORE = DEFAULT_SCALING_LIMITS;
const AFTER = { maxCacheEntries: 5, maxMemoryBytes: 2 ** 40, maxConcurrentOperations: 128, maxQueueDepth: 2_000 };

describe('followConfigured', () => {
  it('takes everything over while the governor has said nothing: it is the configured maximum itself again', () => {
    expect(followConfigured(BEFORE, BEFORE, AFTER)).toBe(AFTER);
  });

  it('keeps what the governor allows at once, also where that is the configured maximum, and takes the others over', () => {
    expect(followConfigured({ ...BEFORE }, BEFORE, AFTER)).toEqual({ ...AFTER, maxConcurrentOperations: 64 });
    expect(followConfigured({ ...BEFORE, maxConcurrentOperations: 3 }, BEFORE, AFTER)).toEqual({ ...AFTER, maxConcurrentOperations: 3 });
  });

  it('keeps what somebody set lower on purpose', () => {
    expect(followConfigured({ ...BEFORE, maxQueueDepth: 7 }, BEFORE, AFTER)).toMatchObject({ maxQueueDepth: 7, maxCacheEntries: 5 });
  });
});
