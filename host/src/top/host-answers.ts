import type { ScalingDecision } from '@bellows/sdk';
import { NotReadyError } from '@bellows/sdk';
import type { HostStatus, SubsystemStatus } from '../host-view.js';

/** What a host of another version leaves out reads as nothing, so that one missing field does not end the view. */
export function statusOf(answer: unknown): HostStatus {
  if (!isObject(answer)) throw new NotReadyError('HOST_UNREACHABLE', 'What answers there tells no status: it is no Bellows host.');
  const { plugins, subsystems, machine } = answer;
  return {
    ...(answer as unknown as HostStatus),
    version: answerText(answer.version),
    machine: (isObject(machine) ? machine : {}) as unknown as HostStatus['machine'],
    plugins: listOf(plugins).map((one) => ({
      ...(one as unknown as HostStatus['plugins'][number]),
      id: answerText(one.id),
      reason: answerText(one.reason),
      message: answerText(one.message),
      state: answerText(one.state) as HostStatus['plugins'][number]['state'],
    })),
    subsystems: listOf(subsystems).flatMap((one) => subsystemOf(one)),
  };
}

export function decisionsOf(answer: unknown): readonly ScalingDecision[] {
  return listOf(isObject(answer) ? answer.decisions : undefined).flatMap((one) => decisionOf(one));
}

export function decisionOf(one: unknown): ScalingDecision[] {
  if (!isObject(one) || typeof one.id !== 'string' || typeof one.at !== 'number') return [];
  return [{ ...(one as unknown as ScalingDecision), subsystem: answerText(one.subsystem), reason: answerText(one.reason) }];
}

/** Without a name, limits, metrics or a policy there is nothing to show. */
function subsystemOf(one: Record<string, unknown>): SubsystemStatus[] {
  const { name, limits, metrics, policy, binding } = one;
  if (typeof name !== 'string' || !isObject(limits) || !isObject(metrics) || !isObject(policy) || !isObject(policy.origins)) return [];
  const why = isObject(binding) ? binding : {};
  return [
    {
      ...(one as unknown as SubsystemStatus),
      plugin: answerText(one.plugin),
      backpressure: answerText(one.backpressure),
      binding: { limitedBy: answerText(why.limitedBy) as SubsystemStatus['binding']['limitedBy'], reason: answerText(why.reason) },
    },
  ];
}

function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What should be text; of anything else its JSON. */
export function answerText(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined || value === null ? '' : String(JSON.stringify(value));
}
