import { Fifo } from './fifo.js';

type Task = () => void | Promise<void>;

/**
 * Does one thing after the other, in the order given. A task begins in a microtask of its own, never inside `post` or `run`, and not
 * before those given in the same breath are known. A task must not wait for a later one: that would never come.
 */
export class SerialTasks {
  readonly #tasks = new Fifo<Task>();
  #working = false;
  #done = 0;

  /** `task` must neither throw nor reject. */
  post(task: Task): void {
    this.#tasks.push(task);
    if (this.#working) return;
    this.#working = true;
    queueMicrotask(() => void this.#work());
  }

  /** Settles as `task` does. */
  run<T>(task: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.post(() => new Promise<T>((settle) => settle(task())).then(resolve, reject));
    });
  }

  async #work(): Promise<void> {
    for (let task = this.#tasks.shift(); task !== undefined; task = this.#tasks.shift()) {
      const done = task();
      if (done !== undefined) await done;
      this.#done += 1;
      if (this.#done % TASKS_PER_TURN === 0) await turn();
    }
    this.#working = false;
  }
}

/** Tasks that cause the next one at once would keep timers and sockets waiting; so many take well below a millisecond. */
const TASKS_PER_TURN = 64;

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
