import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Looks in a row that each have to find more: caches fill once and then stand still, a leak goes on. */
const LOOKS = 4;
/** Below this the host and the runtime are noise: code that is compiled anew, feedback of the optimiser. */
const GROWTH_PER_ROUND_BYTES = 16 * 1024;

/** Fewer rounds tell nothing about a heap. */
export const ROUNDS_FOR_HEAP = 40;

/** Whether each of many rounds keeps something in memory. */
export class HeapWatch {
  readonly #looks: { readonly round: number; readonly bytes: number }[] = [];
  readonly #every: number;
  readonly #collect = garbageCollector();

  constructor(rounds: number) {
    this.#every = Math.floor(rounds / (LOOKS + 1));
  }

  /** After each round, from 1. Looks only now and then: collecting takes some ms. The first fifth is for caches to fill. */
  async after(round: number): Promise<void> {
    if (round % this.#every !== 0) return;
    // what is referred to by a turn that has not ended is not garbage yet
    await new Promise((resolve) => setImmediate(resolve));
    this.#collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    this.#looks.push({ round, bytes: heapUsed + arrayBuffers });
  }

  /** The bytes that every round kept, by the least of the steps between two looks; 0 when that is within the noise. */
  get keptPerRound(): number {
    const steps = this.#looks.slice(1).map(({ round, bytes }, index) => {
      const before = this.#looks[index] ?? { round: 0, bytes: 0 };
      return (bytes - before.bytes) / (round - before.round);
    });
    const least = Math.min(...steps);
    return least > GROWTH_PER_ROUND_BYTES ? Math.round(least) : 0;
  }
}

/** Node.js gives it without a flag on its command line only this way. */
function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
