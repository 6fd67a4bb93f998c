import type { LimitedBy, ScalingDecision } from '@bellows/sdk';

/** A change of a subsystem's ceiling, made of one decision or of several that went the same way for the same reason. */
export interface CeilingMove {
  readonly subsystem: string;
  /** Of the first decision. */
  readonly at: number;
  readonly from: number;
  readonly to: number;
  readonly limitedBy: LimitedBy;
  /** Of the last decision, in the words of the governor. */
  readonly reason: string;
  readonly decisions: number;
  /** What the subsystem said when it refused; then `to` was asked for and `from` stayed. */
  readonly refused?: string;
}

/**
 * What the governor did, in order, the oldest first, whatever the order of the decisions. Neighbouring steps of one subsystem in one
 * direction that the same limit bounds become one move; decisions that changed nothing but the reason are left out.
 */
export function ceilingMoves(decisions: readonly ScalingDecision[]): readonly CeilingMove[] {
  const moves: CeilingMove[] = [];
  const latest = new Map<string, number>();
  for (const decision of inOrder(decisions)) {
    if (decision.outcome === 'none' || decision.from === decision.to) continue;
    const index = latest.get(decision.subsystem);
    const before = index === undefined ? undefined : moves[index];
    if (index !== undefined && before && continues(before, decision)) {
      const { to, reason } = decision;
      moves[index] = { ...before, to, reason, decisions: before.decisions + 1 };
      continue;
    }
    latest.set(decision.subsystem, moves.length);
    moves.push(moveOf(decision));
  }
  return moves;
}

/** The oldest first, also those of one moment. */
export function inOrder(decisions: readonly ScalingDecision[]): readonly ScalingDecision[] {
  return decisions.toSorted((a, b) => a.at - b.at || numberOf(a) - numberOf(b));
}

/** `d12` is 12: decisions of one millisecond are told apart by it. */
function numberOf({ id }: ScalingDecision): number {
  return Number(id.replace(/^\D+/, ''));
}

function continues(move: CeilingMove, { from, to, limitedBy, outcome }: ScalingDecision): boolean {
  const isSameWay = Math.sign(to - from) === Math.sign(move.to - move.from);
  return outcome === 'applied' && move.refused === undefined && move.to === from && isSameWay && move.limitedBy === limitedBy;
}

function moveOf({ subsystem, at, from, to, limitedBy, reason, outcome, error }: ScalingDecision): CeilingMove {
  const refused = outcome === 'refused' ? { refused: error ?? 'no reason given' } : {};
  return { subsystem, at, from, to, limitedBy, reason, decisions: 1, ...refused };
}
