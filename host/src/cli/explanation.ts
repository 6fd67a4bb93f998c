import { policySentence } from '../governor/subsystem-policy.js';
import type { SubsystemStatus } from '../host-view.js';

/** What limits a subsystem now, and why: a label and a sentence each. */
export function explanationOf(subsystem: SubsystemStatus): readonly (readonly [label: string, text: string])[] {
  const { limits, ceiling, policy, binding, metrics, backpressure } = subsystem;
  return [
    ['limit', `${limits.maxConcurrentOperations} concurrent operations; the governor allows ${ceiling}`],
    ['limited by', `${binding.limitedBy}: ${binding.reason}`],
    ['demand', `${metrics.demand} wanted, ${metrics.inUse} running, ${metrics['queue.depth']} of ${limits.maxQueueDepth} waiting`],
    ['policy', policySentence(policy)],
    ['backpressure', backpressure],
  ];
}
