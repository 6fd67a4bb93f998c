import { describe, expect, it } from '@jest/globals';
import { healthReason } from '../../src/scaling/health-reason.js';

describe('the reason of health', () => {
  it.each([
    [1, 0, 0, 'No session has ended yet, and no worker is stalled'],
    [0.8, 0, 5, '80.0 % of the sessions of the last half hour succeeded, and no worker is stalled'],
    [0.79, 0, 5, 'Only 79.0 % of the sessions of the last half hour succeeded'],
    [0, 0, 5, 'Only 0.0 % of the sessions of the last half hour succeeded'],
    [1, 1, 0, '1 worker is stalled'],
    [1, 3, 5, '3 workers are stalled'],
    [0.4, 2, 5, 'Only 40.0 % of the sessions of the last half hour succeeded, and 2 workers are stalled'],
  ])('at %d success and %d stalled after %d sessions', (successRate, stalledWorkers, ended, sentence) => {
    const totals = { totalSessionsCompleted: 0, totalSessionsFailed: ended };
    expect(healthReason({ successRate, stalledWorkers, ...totals })).toBe(sentence);
  });
});
