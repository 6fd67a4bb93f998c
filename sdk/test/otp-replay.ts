import { isBellowsError } from '../src/errors.js';
import { Supervisor } from '../src/supervisor.js';
import { supervisorChild } from '../src/supervisor-child.js';
import type { ChildExit, ChildSpec, ChildStatus, SupervisorOptions } from '../src/supervisor-contract.js';
import { FakeClock } from '../src/testing/fake-clock.js';

/** What a supervisor is made of; the words are explained in tools/otp-traces/README.md. */
export interface ScriptedSupervisor {
  readonly strategy: 'one_for_one' | 'one_for_all' | 'rest_for_one';
  readonly max: number;
  readonly seconds: number;
  readonly children: readonly (string | NestedSupervisor)[];
}

export interface NestedSupervisor extends ScriptedSupervisor {
  readonly id: string;
  readonly restart: ChildSpec['restart'];
}

export interface Script extends ScriptedSupervisor {
  readonly steps: readonly string[];
}

/** Runs a script on ours, on a clock of its own, and writes down what happened in the words of the oracle. */
export async function replay(script: Script): Promise<string> {
  return new Replay(script).run();
}

/** As long as the oracle waits, in real time. */
const WAIT_MS = 2_100;
const SLOW_MS = 20;

class Replay {
  readonly #script: Script;
  readonly #clock = new FakeClock();
  readonly #root: Supervisor;
  readonly #runs = new Map<string, number>();
  readonly #starts = new Map<string, string>();
  readonly #ends = new Map<string, (exit: ChildExit) => void>();
  #events: string[] = [];
  #isGone = false;

  constructor(script: Script) {
    this.#script = script;
    this.#root = new Supervisor({ ...this.#options(script), onEscalate: () => void (this.#isGone = true) });
  }

  async run(): Promise<string> {
    const lines: string[] = [];
    const refused = await this.#settled(
      this.#root.start().then(
        () => false,
        () => true,
      ),
    );
    if (refused) return `${this.#take()}| refused`;
    lines.push(this.#line());
    for (const step of this.#script.steps) {
      await this.#step(step);
      await this.#rest();
      lines.push(this.#line());
      if (this.#isGone) return lines.join(' / ');
    }
    await this.#settled(this.#root.stop());
    this.#isGone = true;
    return [...lines, this.#line()].join(' / ');
  }

  async #step(step: string): Promise<void> {
    const [verb = '', id = '', ...more] = step.split(' ');
    if (verb === 'wait') return this.#clock.advance(WAIT_MS);
    if (verb === 'ends') return this.#endAll([id, ...more]);
    const calls: Record<string, () => Promise<void>> = {
      add: () => this.#root.startChild(this.#leaf([id, ...more].join(' '))),
      stop: () => this.#root.stopChild(id),
      restart: () => this.#root.restartChild(id),
      delete: () => this.#root.deleteChild(id),
    };
    const answer = await this.#settled((calls[verb] as () => Promise<void>)().then(() => 'ok', answerFor));
    this.#events.push(`=${answer}`);
  }

  #endAll(words: readonly string[]): void {
    for (let index = 0; index < words.length; index += 2) {
      const id = words[index] as string;
      const end = this.#ends.get(id);
      this.#ends.delete(id);
      end?.({ ok: words[index + 1] !== 'crash' });
    }
  }

  #options({ strategy, max, seconds, children }: ScriptedSupervisor): SupervisorOptions {
    return {
      strategy,
      intensity: { maxRestarts: max, maxSeconds: seconds },
      clock: this.#clock,
      children: children.map((child) => (typeof child === 'string' ? this.#leaf(child) : this.#supervisor(child))),
    };
  }

  #leaf(text: string): ChildSpec {
    const [id, restart, shutdown, manner, starts] = text.split(' ') as [string, ChildSpec['restart'], string, string, string];
    if (!this.#starts.has(id)) this.#starts.set(id, starts);
    const stopTimeoutMs = shutdown === 'kill' ? 0 : shutdown === 'infinity' ? Number.POSITIVE_INFINITY : Number(shutdown);
    return { id, restart, stopTimeoutMs, start: async () => this.#run(id, manner) };
  }

  #run(id: string, manner: string) {
    const run = this.#nextRun(id);
    const fails = this.#starts.get(id)?.[run - 1] === '-';
    this.#events.push(`${fails ? '!' : '+'}${id}${run}`);
    if (fails) throw new Error('refused');
    const { promise: exited, resolve } = Promise.withResolvers<ChildExit>();
    this.#ends.set(id, resolve);
    const stop = async (force: AbortSignal) => {
      this.#ends.delete(id);
      const isObeyed = !force.aborted && (await this.#obeys(manner, force));
      this.#events.push(`${isObeyed ? '.' : 'x'}${id}${run}`);
      resolve({ ok: true });
    };
    return { exited, stop };
  }

  /** Whether it ends before it is ended by force. */
  #obeys(manner: string, force: AbortSignal): Promise<boolean> {
    const takesMs = manner === 'obeys' ? 0 : manner === 'slow' ? SLOW_MS : Number.POSITIVE_INFINITY;
    return this.#clock.sleep(takesMs, force).then(
      () => true,
      () => false,
    );
  }

  #supervisor({ id, restart, ...script }: NestedSupervisor): ChildSpec {
    const options = this.#options(script);
    const child = supervisorChild({ ...options, id, restart });
    return { ...child, start: (signal) => this.#runNested(child, signal) };
  }

  async #runNested(child: ChildSpec, signal: AbortSignal) {
    const { id } = child;
    const run = this.#nextRun(id);
    this.#events.push(`+${id}${run}`);
    const running = await child.start(signal);
    const exited = running.exited.then((exit) => {
      this.#events.push(`^${id}${run}`);
      return exit;
    });
    const stop = async (force: AbortSignal) => {
      // it rejects when one of its own had to be ended by force
      await running.stop(force).finally(() => this.#events.push(`^${id}${run}`));
    };
    return { ...running, exited, stop };
  }

  #nextRun(id: string): number {
    const run = (this.#runs.get(id) ?? 0) + 1;
    this.#runs.set(id, run);
    return run;
  }

  /** Until nothing happens any more; a stop that takes its time needs the clock to go on. */
  async #rest(): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const before = this.#events.length;
      await this.#clock.advance(this.#clock.pending > 0 ? TICK_MS : 0);
      const isAtRest = this.#clock.pending === 0 && this.#events.length === before;
      if (isAtRest && !this.#states().includes(':restarting')) return;
    }
    throw new Error(`This does not come to rest: ${JSON.stringify(this.#script)}`);
  }

  async #settled<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = promise.finally(() => {
      isSettled = true;
    });
    for (let round = 0; round < MAX_ROUNDS && !isSettled; round += 1) await this.#clock.advance(TICK_MS);
    return settled;
  }

  /** What happened since the last line, and how the children are now. */
  #line(): string {
    return `${this.#take()}| ${this.#states()}`;
  }

  #take(): string {
    const taken = this.#events.map((event) => `${event} `).join('');
    this.#events = [];
    return taken;
  }

  #states(): string {
    return this.#isGone ? 'gone' : statesOf(this.#root.status());
  }
}

const TICK_MS = 10;
const MAX_ROUNDS = 1_000;

function statesOf(children: readonly ChildStatus[]): string {
  return children.map(stateOf).join(' ');
}

function stateOf({ id, state, children }: ChildStatus): string {
  if (state === 'running') return children === undefined ? `${id}:up` : `${id}:[${statesOf(children)}]`;
  return `${id}:${state === 'stopped' ? 'down' : state}`;
}

/** In the oracle's words. One that had to be ended by force was stopped all the same. */
function answerFor(error: unknown): string {
  const code = isBellowsError(error) ? error.code : 'none';
  return ANSWERS[code] ?? 'failed';
}

const ANSWERS: Readonly<Record<string, string>> = {
  CHILD_ID_TAKEN: 'taken',
  CHILD_NOT_STOPPED: 'busy',
  CHILD_STOP_TIMEOUT: 'ok',
  CHILD_UNKNOWN: 'unknown',
  CHILDREN_NOT_STOPPED: 'ok',
};
