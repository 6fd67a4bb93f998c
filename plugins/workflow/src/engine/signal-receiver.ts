import type { IClock } from '@bellows/sdk';
import { shortened } from '../definitions/shortened.js';
import { workflowError } from '../errors.js';
import type { KeptValue } from '../store/flow-records.js';
import type { LiveRun } from './live-run.js';
import type { StageFlow } from './stage-flow.js';
import type { ValueKeeper } from './value-keeper.js';

export interface SignalReceiverOptions {
  readonly keeper: ValueKeeper;
  readonly flow: StageFlow;
  readonly clock: Pick<IClock, 'now'>;
  /** The run does not need to stay in memory for the signal any more. */
  readonly sort: (run: LiveRun) => void;
}

export interface ArrivedSignal {
  readonly name: string;
  readonly payloadJson: string;
  /** Told null after the commit, or why it is not there. */
  readonly settled: (error: unknown) => void;
}

/** Signals that no stage has waited for are in memory with their run: so many, and so many characters together. */
const MAX_KEPT_SIGNALS = 10_000;
const MAX_KEPT_LENGTH = 32 * 1024 * 1024;

/** Adds signals to runs. */
export class SignalReceiver {
  readonly #options: SignalReceiverOptions;
  /** Whoever sent one whose payload is being kept. */
  readonly #waiting = new Set<(error: unknown) => void>();

  constructor(options: SignalReceiverOptions) {
    this.#options = options;
  }

  /** The run has not ended. `SIGNALS_FULL` when too many are kept. */
  receive(run: LiveRun, { name, payloadJson, settled }: ArrivedSignal): void {
    const { keeper, flow } = this.#options;
    refuseWhenFull(run, name);
    const number = run.nextSignal;
    run.nextSignal += 1;
    // in memory until it is kept
    run.active += 1;
    this.#waiting.add(settled);
    const kept = keeper.keep({ runId: run.record.id, stage: -3 - number }, payloadJson, {
      kept: (payload) => this.#received(run, { name, payload, number, settled }),
      failed: (error) => {
        this.#waiting.delete(settled);
        run.active -= 1;
        flow.settle(run);
        settled(error);
      },
    });
    if (kept !== null) this.#received(run, { name, payload: kept, number, settled });
  }

  /** Those whose payloads are not kept yet hear that they will not be. */
  close(reason: unknown): void {
    for (const settled of this.#waiting) settled(reason);
    this.#waiting.clear();
  }

  #received(run: LiveRun, { name, payload, number, settled }: KeptSignal): void {
    const { flow, clock, sort } = this.#options;
    this.#waiting.delete(settled);
    run.active -= 1;
    if (run.phase === 'ended') {
      settled(workflowError('RUN_ENDED', 'The run ended while the payload of the signal was kept', { data: { id: run.record.id } }));
      return;
    }
    run.add('signal.received', -1, 0, clock.now(), JSON.stringify({ name, payload, number }));
    if (run.phase === 'forward') flow.receive(run, name, payload);
    flow.settle(run);
    run.afterCommit(settled);
    sort(run);
  }
}

interface KeptSignal {
  readonly name: string;
  readonly payload: KeptValue;
  readonly number: number;
  readonly settled: (error: unknown) => void;
}

function refuseWhenFull(run: LiveRun, name: string): void {
  const count = run.signals?.length ?? 0;
  if (count < MAX_KEPT_SIGNALS && run.signalLength < MAX_KEPT_LENGTH) return;
  throw workflowError('SIGNALS_FULL', `${count} signals wait already for stages that take them: "${shortened(name)}" was not kept`, {
    data: { id: run.record.id },
  });
}
