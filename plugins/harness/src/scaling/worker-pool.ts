import { DEFAULT_SCALE_CONFIG } from '../config.js';
import { Worker } from './worker.js';

export interface WorkerPoolMetrics {
  readonly totalWorkers: number;
  readonly workingWorkers: number;
  readonly availableWorkers: number;
  readonly stalledWorkers: number;
}

/**
 * The workers there are. It decides nothing about their number: `ScaleManager` does, and it removes only idle ones.
 * `cwd` is the folder the documented form names; sessions work in folders of their own.
 */
export class WorkerPool {
  readonly cwd: string;
  #maxSessionsPerWorker = DEFAULT_SCALE_CONFIG.maxSessionsPerWorker;
  readonly #workers = new Map<string, Worker>();
  #lastNumber = 0;

  constructor(cwd: string) {
    this.cwd = cwd;
  }

  /** The quota of sessions; its `ScaleManager` sets it. */
  setMaxSessionsPerWorker(sessions: number): void {
    this.#maxSessionsPerWorker = sessions;
  }

  /** With a name that is not taken, `worker-<n>` by default; a name that is taken answers the worker that has it. */
  addWorker(id: string = this.#nextId()): Worker {
    const present = this.#workers.get(id);
    if (present !== undefined) return present;
    const worker = new Worker(id);
    this.#workers.set(id, worker);
    return worker;
  }

  /** Removes an idle worker. False, and no change, for a busy or an unknown one. */
  removeWorker(id: string): boolean {
    return this.#workers.get(id)?.isAvailable() === true && this.#workers.delete(id);
  }

  getWorker(id: string): Worker | undefined {
    return this.#workers.get(id);
  }

  /** In the order they were added. */
  getAllWorkers(): readonly Worker[] {
    return [...this.#workers.values()];
  }

  /** An idle worker, one past its quota of sessions only when there is no other; `undefined` when all are busy. */
  getAvailableWorker(): Worker | undefined {
    let tired: Worker | undefined;
    for (const worker of this.#workers.values()) {
      if (!worker.isAvailable()) continue;
      if (worker.sessions < this.#maxSessionsPerWorker) return worker;
      tired ??= worker;
    }
    return tired;
  }

  /** Puts fresh workers in the place of idle ones past their quota; answers how many. */
  replaceTired(): number {
    const tired = this.getAllWorkers().filter((worker) => worker.isAvailable() && this.hasExceededQuota(worker.id));
    for (const { id } of tired) {
      this.#workers.delete(id);
      this.addWorker();
    }
    return tired.length;
  }

  /** Whether it was given `maxSessionsPerWorker` sessions or more. False for an unknown one. */
  hasExceededQuota(id: string): boolean {
    return (this.#workers.get(id)?.sessions ?? 0) >= this.#maxSessionsPerWorker;
  }

  getMetrics(): WorkerPoolMetrics {
    const counts = { idle: 0, working: 0, stalled: 0 };
    for (const worker of this.#workers.values()) counts[worker.getState().status] += 1;
    return {
      totalWorkers: this.#workers.size,
      workingWorkers: counts.working + counts.stalled,
      availableWorkers: counts.idle,
      stalledWorkers: counts.stalled,
    };
  }

  #nextId(): string {
    do this.#lastNumber += 1;
    while (this.#workers.has(`worker-${this.#lastNumber}`));
    return `worker-${this.#lastNumber}`;
  }
}
