import type { OperationDefinition } from '@bellows/sdk';
import { endsWithin } from './running-time.js';

/** Which handlers of a plugin have begun and not ended; a host answers a call that it ends without waiting for its handler. */
export class RunningCalls {
  readonly #running = new Set<{ readonly name: string; readonly ended: Promise<unknown> }>();

  /** The same operation, whose calls are seen here. */
  watched<I, O>(definition: OperationDefinition<I, O>): OperationDefinition<I, O> {
    return {
      ...definition,
      handler: (input, call) => {
        const handling = (async () => definition.handler(input, call))();
        const one = { name: definition.name, ended: handling.catch(() => {}) };
        this.#running.add(one);
        void one.ended.then(() => this.#running.delete(one));
        return handling;
      },
    };
  }

  /** The operations whose handlers still run after this much real time. */
  async leftAfter(realMs: number): Promise<readonly string[]> {
    await endsWithin(realMs, Promise.all([...this.#running].map(({ ended }) => ended)));
    return [...new Set([...this.#running].map(({ name }) => name))];
  }
}
