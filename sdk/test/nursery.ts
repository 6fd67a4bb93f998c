import type { BellowsError } from '../src/errors.js';
import { Supervisor } from '../src/supervisor.js';
import type { ChildExit, ChildSpec, SupervisorOptions } from '../src/supervisor-contract.js';
import { FakeClock } from '../src/testing/fake-clock.js';

/** Children that write down what happens to them and end when the test says so. */
export class Nursery {
  readonly log: string[] = [];
  readonly clock = new FakeClock();
  readonly escalated: BellowsError[] = [];
  /** Errors that the next starts of a child fail with. */
  readonly failures = new Map<string, number>();
  readonly #exits = new Map<string, (exit: ChildExit) => void>();
  readonly #runs = new Map<string, number>();

  child(id: string, more: Partial<ChildSpec> & { readonly stopMs?: number } = {}): ChildSpec {
    return {
      id,
      restart: 'permanent',
      stopTimeoutMs: 1_000,
      start: async () => {
        const run = (this.#runs.get(id) ?? 0) + 1;
        this.#runs.set(id, run);
        this.log.push(`start ${id}${run}`);
        const failures = this.failures.get(id) ?? 0;
        if (failures > 0) {
          this.failures.set(id, failures - 1);
          throw new Error(`${id}${run} does not start`);
        }
        const exited = new Promise<ChildExit>((resolve) => this.#exits.set(id, resolve));
        return {
          exited,
          stop: async (signal) => {
            this.log.push(`stop ${id}${run}`);
            if (more.stopMs !== undefined) await this.clock.sleep(more.stopMs, signal);
            this.log.push(`stopped ${id}${run}`);
            this.#exits.get(id)?.({ ok: true });
          },
        };
      },
      ...more,
    };
  }

  async end(id: string, exit: ChildExit = { ok: false, error: new Error('crash') }): Promise<void> {
    this.log.push(`end ${id}`);
    this.#exits.get(id)?.(exit);
    await this.clock.advance(0);
  }

  supervisor(children: readonly ChildSpec[], more: Partial<SupervisorOptions> = {}): Supervisor {
    return new Supervisor({
      children,
      clock: this.clock,
      random: { next: () => 0.5 },
      intensity: { maxRestarts: 2, maxSeconds: 5 },
      onEscalate: (error) => void this.escalated.push(error),
      ...more,
    });
  }

  async stop(supervisor: Supervisor, ms = 0) {
    const stopping = supervisor.stop();
    await this.clock.advance(ms);
    return stopping;
  }
}
