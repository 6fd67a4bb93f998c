import type { Criticality, ScalingDefaults } from '@bellows/sdk';
import { DEFAULT_SUBSYSTEM_POLICY, type HostConfig } from '../config-schema.js';

/** Who said it: the operator in `governor.subsystems`, the subsystem in its `scalingDefaults`, or nobody, and the host assumes it. */
export type PolicyOrigin = 'operator' | 'subsystem' | 'host';

/** The rules by which one subsystem is given its ceiling, with nothing left open, and whose word each of them is. */
export interface PolicyInForce {
  readonly weight: number;
  readonly floor: number;
  /** Null leaves it to the budget. */
  readonly ceiling: number | null;
  readonly costCores: number;
  readonly criticality: Criticality;
  readonly origins: Readonly<Record<'weight' | 'floor' | 'costCores', PolicyOrigin>>;
}

/** The operator stands above the subsystem, the subsystem above what the host assumes. Pure. */
export function policyInForce(
  name: string,
  sources: {
    readonly subsystems: HostConfig['governor']['subsystems'];
    readonly defaults: ScalingDefaults;
    readonly cores: number;
  },
): PolicyInForce {
  const { subsystems, defaults, cores } = sources;
  const policy = (Object.hasOwn(subsystems, name) ? subsystems[name] : undefined) ?? DEFAULT_SUBSYSTEM_POLICY;
  const [floor, floorOrigin] = first(policy.floor, defaults.floor, Math.max(1, Math.floor(cores / 2)));
  const [costCores, costOrigin] = first(policy.costCores, defaults.costCores, 1);
  return {
    weight: policy.weight,
    floor,
    ceiling: policy.ceiling,
    costCores,
    criticality: policy.criticality,
    origins: {
      // A default that was written down is as good as one that was not.
      weight: policy.weight === DEFAULT_SUBSYSTEM_POLICY.weight ? 'host' : 'operator',
      floor: floorOrigin,
      costCores: costOrigin,
    },
  };
}

/** For people: each rule with whose word it is. */
export function policySentence({ weight, floor, ceiling, costCores, origins }: PolicyInForce): string {
  const rules = [
    `weight ${weight} (${origins.weight})`,
    `floor ${floor} (${origins.floor})`,
    `${costCores} ${costCores === 1 ? 'core' : 'cores'} an operation (${origins.costCores})`,
    ...(ceiling === null ? [] : [`ceiling ${ceiling} (operator)`]),
  ];
  return rules.join(', ');
}

function first(operator: number | null, subsystem: number | undefined, host: number): [value: number, origin: PolicyOrigin] {
  if (operator !== null) return [operator, 'operator'];
  return subsystem === undefined ? [host, 'host'] : [subsystem, 'subsystem'];
}
