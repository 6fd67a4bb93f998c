import { createRequire } from 'node:module';
import type { Observable } from 'rxjs';
import type { IEventBus, SubscribeOptions } from './event-bus-contract.js';
import type { EventOf } from './events.js';

export interface ObserveBusOptions {
  readonly topic: string;
  readonly options: SubscribeOptions;
  /** What a subscriber of the Observable threw: RxJS would end the process with it. */
  onUnhandledError(error: unknown): void;
}

/** `IEventBus.observe`: each subscription of the Observable is a subscription of the bus, with a mailbox of its own. */
export function observeBus<T extends string>(
  bus: IEventBus,
  { topic, options, onUnhandledError }: ObserveBusOptions,
): Observable<EventOf<T>> {
  const rxjs = loadRxjs();
  return new rxjs.Observable<EventOf<T>>((subscriber) => {
    catchUnhandled(rxjs, onUnhandledError);
    const subscription = bus.subscribe(topic as T, options, (event) => subscriber.next(event));
    return () => subscription.unsubscribe();
  });
}

type Rxjs = typeof import('rxjs');

let loaded: Rxjs | undefined;

/** Loaded by the first call, because it costs tens of ms at start-up. Node gives `require` and `import` the same copy of rxjs. */
function loadRxjs(): Rxjs {
  loaded ??= createRequire(import.meta.url)('rxjs') as Rxjs;
  return loaded;
}

const OURS = Symbol.for('bellows/rxjs-unhandled');

/** `config` is one per process: a hook set by someone else stays; of several buses the last one observed hears of the errors. */
function catchUnhandled({ config }: Rxjs, report: (error: unknown) => void): void {
  const present = config.onUnhandledError;
  if (present !== null && !(OURS in present)) return;
  config.onUnhandledError = Object.assign((error: unknown) => report(error), { [OURS]: true });
}
