import { TestEnvironment } from 'jest-environment-node';
import { OpenThings } from './open-things.mjs';

/**
 * How long what is closing may be seen: the end of a process or a thread takes its time, much of it where many others want the same cores.
 * `testEnvironmentOptions.settleMs` sets another.
 */
const SETTLE_MS = 20_000;
/** The same once nothing but timers is left, which nobody ends elsewhere: a longer one would hide those that run out by themselves. */
const TIMERS_SETTLE_MS = 2_000;
const LOOK_EVERY_MS = 5;

/**
 * Jest's environment for Node.js, in which a test file fails that leaves something open after its last `afterAll`: a hook of a setup file
 * would run before those of the test file. It also stands outside of the world of the tests, so it sees the real process.
 */
export default class LeakGuardedEnvironment extends TestEnvironment {
  #open;
  #settleMs;

  constructor(config, context) {
    super(config, context);
    this.#settleMs = config.projectConfig.testEnvironmentOptions.settleMs ?? SETTLE_MS;
  }

  async setup() {
    await super.setup();
    this.#open = new OpenThings(this.global.process);
  }

  async teardown() {
    this.#open?.[Symbol.dispose]();
    await super.teardown();
  }

  /**
   * Jest awaits it. The fault joins those that no test is to blame for, which fail the file: were it thrown, nothing would be told of the
   * tests, and it is often one that failed which left something open.
   */
  async handleTestEvent({ name }, state) {
    if (name !== 'run_finish') return;
    const left = await this.#leftAtLast();
    if (left.length === 0) return;
    const list = left.map((line) => `  - ${line}`).join('\n');
    const fault = new Error(
      `This test file leaves something open after its last afterAll:\n${list}\nClose it there, or where the test ends.`,
    );
    fault.stack = fault.message; // frames of the guard would lead nowhere
    state.unhandledErrors.push(fault);
  }

  async #leftAtLast() {
    const endAt = performance.now() + this.#settleMs;
    let timersEndAt = performance.now() + TIMERS_SETTLE_MS;
    for (;;) {
      // what is closed in the last hook is gone a turn later
      await new Promise((resolve) => setImmediate(resolve));
      const left = this.#open.left;
      const now = performance.now();
      if (!this.#open.hasOnlyTimers) timersEndAt = now + TIMERS_SETTLE_MS;
      if (left.length === 0 || now > endAt || now > timersEndAt) return left;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
}
