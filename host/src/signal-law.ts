import type { IClock } from '@bellows/sdk';

/** What ends this process where nobody listens. */
export const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
export type HeardSignal = (typeof ENDING_SIGNALS)[number] | 'SIGUSR2';

/** `stop`: end in order. `force`: end at once. `end`: nothing helps, leave. `reload`: read the configuration anew. */
export type SignalWish = 'stop' | 'force' | 'end' | 'reload';

export interface SignalLawOptions {
  readonly clock: Pick<IClock, 'monotonicMs' | 'setTimer'>;
  /** Whether a SIGHUP can say that a terminal has closed. */
  readonly canLoseTerminal: boolean;
  /** Whether somebody takes reloads now. */
  takesReloads(): boolean;
  /** Called once for each wish, with the signal that said it; a reload comes a moment after its signal. */
  obey(wish: SignalWish, signal: HeardSignal): void;
}

/**
 * Who stops a service tells all of its processes (systemd, `timeout`, `kill -- -GROUP`), and the launcher of a clone, or npm, passes on
 * what it was told: one wish arrives two or three times. Copies come as soon as the others had their turn on the processor, which takes
 * long on a busy machine. Nobody who wants another thing says so with the same signal so soon: a person presses Ctrl-C, which is not
 * passed on, and a supervisor that loses patience sends SIGKILL.
 */
export const COPY_WITHIN_MS = 2_000;
/**
 * Reloads are gathered first and done afterwards, never dropped: the file may have changed between two signals that a person sent.
 * A copy that is later than this costs a reload that finds nothing changed.
 */
export const GATHER_RELOADS_MS = 250;

/** Tells what the signals of this process mean. It only counts: whoever asked for the wishes does them. */
export class SignalLaw {
  readonly #options: SignalLawOptions;
  #stopsHeard = 0;
  #termHeardAtMs = Number.NEGATIVE_INFINITY;
  #isGathering = false;

  constructor(options: SignalLawOptions) {
    this.#options = options;
  }

  /** Whether a SIGTERM now would be a copy of one that was heard. */
  get expectsCopies(): boolean {
    return this.#options.clock.monotonicMs() - this.#termHeardAtMs < COPY_WITHIN_MS;
  }

  hear(signal: HeardSignal): void {
    const { canLoseTerminal, takesReloads, obey, clock } = this.#options;
    if (signal === 'SIGUSR2' || (signal === 'SIGHUP' && takesReloads() && !canLoseTerminal)) {
      this.#gatherReload(signal);
      return;
    }
    if (signal === 'SIGTERM') {
      if (this.expectsCopies) return;
      this.#termHeardAtMs = clock.monotonicMs();
    }
    // A terminal that closes tells everyone in it, and whoever started us passes it on: the same word twice is no impatience.
    if (signal === 'SIGHUP' && this.#stopsHeard > 0) return;
    this.#stopsHeard += 1;
    obey(this.#stopsHeard === 1 ? 'stop' : this.#stopsHeard === 2 ? 'force' : 'end', signal);
  }

  #gatherReload(signal: HeardSignal): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.#options.clock.setTimer(GATHER_RELOADS_MS, () => {
      this.#isGathering = false;
      this.#options.obey('reload', signal);
    });
  }
}
