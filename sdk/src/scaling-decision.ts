/** What held a limit where it is. */
export type LimitedBy =
  /** nothing: the subsystem gets what it wants */
  | 'demand'
  /** the operator's ceiling in `governor.subsystems` */
  | 'ceiling'
  /** the operator's floor */
  | 'floor'
  /** the fair share: others want the machine too */
  | 'share'
  /** the subsystem's configured maximum */
  | 'configured'
  /** the law by which the subsystem itself moves below its ceiling */
  | 'law'
  | 'memory'
  | 'cpu'
  /** a fall waits until the demand of the window has left */
  | 'stabilization';

/** The bound that binds, with a sentence for people. */
export interface LimitReason {
  readonly limitedBy: LimitedBy;
  readonly reason: string;
}

/** One step of the governor for one subsystem, with its reason. */
export interface ScalingDecision {
  readonly id: string;
  readonly subsystem: string;
  /** The ceiling on concurrent operations before and after. */
  readonly from: number;
  readonly to: number;
  /** A sentence for people: what was wanted, what was given, why. */
  readonly reason: string;
  readonly limitedBy: LimitedBy;
  readonly at: number;
  /** `none`: the limit stays; `refused`: the subsystem answered with `RefusedError`, see `error`. */
  readonly outcome: 'applied' | 'refused' | 'none';
  readonly error?: string;
  /** The numbers it was decided from. */
  readonly inputs: Readonly<Record<string, number>>;
}
