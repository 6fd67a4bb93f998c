/** What a function of a stage gets. */
export interface StageCall {
  readonly runId: string;
  readonly workflow: string;
  readonly stage: string;
  readonly attempt: number;
  /** Aborts when the time of the stage is over or the run is cancelled. */
  readonly signal: AbortSignal;
  /** The same for every attempt of this stage of this run: hand it to services that know idempotency keys. */
  readonly idempotencyKey: string;
  /** Calls an operation of the host with the rights of whoever started the run. */
  call<O = unknown>(operation: string, input: unknown): Promise<O>;
}

export type StageFunction = (input: unknown, call: StageCall) => unknown;
