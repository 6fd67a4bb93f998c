import type { Criticality, LimitedBy, MachineSample } from '@bellows/sdk';

/** What is known of one subsystem when limits are decided. */
export interface ArbitrationInput {
  readonly name: string;
  /** Operations wanted now: running plus waiting. */
  readonly demand: number;
  /** The highest demand of the window in which a limit may not fall. */
  readonly windowDemand: number;
  /** The ceiling in force. */
  readonly ceilingNow: number;
  readonly weight: number;
  readonly floor: number;
  /** `Infinity` when the operator set none. */
  readonly ceiling: number;
  readonly costCores: number;
  readonly criticality: Criticality;
  /** It has not agreed to less than this: as far as it has use for it, it counts before anything is shared, and no more is given. */
  readonly held?: number;
}

export interface Arbitration {
  readonly subsystem: string;
  readonly from: number;
  readonly to: number;
  readonly limitedBy: LimitedBy;
  readonly reason: string;
  readonly inputs: Readonly<Record<string, number>>;
}

/** From this share of memory in use nothing grows, and what is not critical gives back what it borrowed. */
export const MEMORY_PRESSURE_RATIO = 0.92;
/** From this share on everything but the critical rests at its floor. */
export const MEMORY_EMERGENCY_RATIO = 0.95;
/** A host whose event loop is this late cannot serve more work, whatever the cores say. */
export const LOOP_DELAY_LIMIT_MS = 200;

/**
 * Divides one budget of `cores × overcommit` between the subsystems. Pure: the same inputs give the same answer.
 *
 * Floors come first, even past the budget. What is left goes slot by slot to whoever wants more and has the least per
 * weight (max-min fair shares). Demand of this moment is served first; only then may a subsystem keep what the window of
 * falling demand lets it keep. So a limit rises at once, falls late, and borrowed share is back within one period; for demand
 * that is past nothing rises.
 * What somebody holds and does not give back is nobody else's: others get less, never below their floors.
 */
export function arbitrate(
  machine: Pick<MachineSample, 'cores' | 'memoryRatio' | 'eventLoopDelayP99Ms'>,
  inputs: readonly ArbitrationInput[],
  policy: { readonly overcommit: number },
): Arbitration[] {
  const budget = machine.cores * policy.overcommit;
  const shares = inputs.map((input) => newShare(input));
  let left = budget - shares.reduce((sum, share) => sum + share.slots * share.input.costCores, 0);
  left = handOut(shares, left, (input) => input.demand);
  handOut(shares, left, (input) => Math.max(input.demand, Math.min(input.windowDemand, input.ceilingNow)));
  return shares.map((share) => conclude(share, { machine, budget, keepers: keepersBeside(share, shares) }));
}

interface Share {
  readonly input: ArbitrationInput;
  slots: number;
}

function newShare(input: ArbitrationInput): Share {
  const { held = 0, demand, windowDemand } = input;
  return { input, slots: Math.max(floorOf(input), Math.min(held, Math.max(demand, windowDemand))) };
}

/** The operator's ceiling stands above any floor. */
function floorOf(input: ArbitrationInput): number {
  return Math.min(input.floor, input.ceiling);
}

function keepersBeside(share: Share, shares: readonly Share[]): readonly Share[] {
  return shares.filter((other) => other !== share && other.input.held !== undefined && other.slots > floorOf(other.input));
}

function handOut(shares: readonly Share[], budget: number, wanted: (input: ArbitrationInput) => number): number {
  let left = budget;
  for (;;) {
    let next: Share | undefined;
    for (const share of shares) {
      const { input, slots } = share;
      if (slots >= Math.min(wanted(input), input.ceiling, input.held ?? Number.POSITIVE_INFINITY) || input.costCores > left + ROUNDING)
        continue;
      if (next === undefined || perWeight(share) < perWeight(next)) next = share;
    }
    if (next === undefined) return left;
    next.slots += 1;
    left -= next.input.costCores;
  }
}

/** Costs are fractions of a core; sums of them miss whole numbers by a few bits. */
const ROUNDING = 1e-9;

function perWeight({ slots, input }: Share): number {
  return (slots * input.costCores) / input.weight;
}

/** What all shares were cut from. */
interface Round {
  readonly machine: Parameters<typeof arbitrate>[0];
  readonly budget: number;
  readonly keepers: readonly Share[];
}

function conclude({ input, slots }: Share, round: Round): Arbitration {
  const { machine, budget, keepers } = round;
  const capped = capForPressure(input, slots, machine);
  const to = capped?.slots ?? slots;
  const limitedBy = capped?.limitedBy ?? bindingLimit(input, slots);
  return {
    subsystem: input.name,
    from: input.ceilingNow,
    to,
    limitedBy,
    reason: sentence(input, { to, limitedBy, ...round }),
    inputs: {
      demand: input.demand,
      windowDemand: input.windowDemand,
      floor: input.floor,
      ...(Number.isFinite(input.ceiling) ? { ceiling: input.ceiling } : {}),
      weight: input.weight,
      costCores: input.costCores,
      cores: machine.cores,
      budgetCores: budget,
      ...(keepers.length === 0 ? {} : { keptCores: keepers.reduce((sum, keeper) => sum + keeper.slots * keeper.input.costCores, 0) }),
      memoryRatio: machine.memoryRatio,
      eventLoopDelayP99Ms: machine.eventLoopDelayP99Ms,
    },
  };
}

function capForPressure(
  input: ArbitrationInput,
  slots: number,
  machine: Parameters<typeof arbitrate>[0],
): { readonly slots: number; readonly limitedBy: LimitedBy } | undefined {
  const floor = floorOf(input);
  const cap = (most: number, limitedBy: LimitedBy) => (slots > most ? { slots: most, limitedBy } : undefined);
  if (machine.memoryRatio >= MEMORY_PRESSURE_RATIO) {
    const rests = machine.memoryRatio >= MEMORY_EMERGENCY_RATIO ? input.criticality !== 'critical' : input.criticality === 'bulk';
    return cap(rests ? floor : Math.max(floor, input.ceilingNow), 'memory');
  }
  if (machine.eventLoopDelayP99Ms >= LOOP_DELAY_LIMIT_MS) return cap(Math.max(floor, input.ceilingNow), 'cpu');
  return undefined;
}

function bindingLimit(input: ArbitrationInput, slots: number): LimitedBy {
  if (input.demand > slots) return slots >= input.ceiling ? 'ceiling' : 'share';
  if (slots <= floorOf(input)) return input.demand >= slots ? 'demand' : 'floor';
  return slots > input.demand ? 'stabilization' : 'demand';
}

function sentence(
  input: ArbitrationInput,
  { to, limitedBy, machine, budget, keepers }: Round & { readonly to: number; readonly limitedBy: LimitedBy },
): string {
  const wants = `${input.demand} wanted`;
  switch (limitedBy) {
    case 'demand':
      return `${wants}, ${to} given: it gets what it wants`;
    case 'ceiling':
      return `${wants}, ${to} given: that is the ceiling set in governor.subsystems.${input.name}.ceiling`;
    case 'floor':
      return `${wants}, ${to} given: it rests at its floor`;
    case 'share':
      return `${wants}, ${to} given: its share of a budget of ${budget} (${machine.cores} cores × overcommit ${budget / machine.cores}) at weight ${input.weight}${keptBy(keepers)}`;
    case 'stabilization':
      return `${wants}, ${to} given: it wanted up to ${input.windowDemand} a moment ago and the limit falls only after the window`;
    case 'memory':
      return `${wants}, ${to} given: ${percent(machine.memoryRatio)} of the memory is in use`;
    case 'cpu':
      return `${wants}, ${to} given: the host's event loop is ${Math.round(machine.eventLoopDelayP99Ms)} ms late`;
    case 'configured':
    case 'law':
      return `${wants}, ${to} given: that is its own bound`;
  }
}

function keptBy(keepers: readonly Share[]): string {
  return keepers.length === 0 ? '' : `; ${keepers.map(({ input }) => input.name).join(', ')} did not give back what it holds`;
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`;
}
