import { approximateBytes } from './approximate-bytes.js';
import { type BridgeFrame, type CarriedEvent, carriedEvent, frameMessage, parseFrame } from './bridge-frames.js';
import type { BridgeAccept, BridgeOptions, BridgeState, BridgeStats, BusBridge, BusPort } from './bus-bridge-contract.js';
import type { Delivery, Subscriber } from './bus-subscription.js';
import { CapacityError, InputError } from './errors.js';
import type { BusEvent, EventClass } from './events.js';
import { DEFAULT_MAILBOX_CAPACITY, Mailbox } from './mailbox.js';

/** What a bridge needs of its bus. */
export interface BridgedBus {
  /** Offers what is published on the topics to `subscriber`, in one order, until the answer is called. */
  attach(topics: readonly string[], subscriber: Subscriber): () => void;
  /** Delivers an event of the other bus as it is. */
  relay(event: BusEvent, eventClass: EventClass, key: string): void;
  /** Whether events wait that subscribers could be given at once. */
  isBehind(): boolean;
  /** Must not throw. */
  failed(topic: string, error: unknown): void;
}

/** One end of a bridge; see {@link BusBridge}. Both ends are alike. */
export class PortBridge implements BusBridge, Subscriber {
  readonly closed: Promise<void>;
  readonly #bus: BridgedBus;
  readonly #port: BusPort;
  readonly #options: Required<Omit<BridgeOptions, 'send' | 'accept' | 'policy' | 'capacity'>>;
  readonly #accepts: Acceptance;
  readonly #outbox: Mailbox<Delivery>;
  readonly #resolveClosed: () => void;
  readonly #leave: (() => void)[] = [];
  #state: BridgeState = 'opening';
  readonly #mostWaiting: number;
  #flushPlanned = false;
  #grantPlanned = false;
  #sent = 0;
  /** How many events may be sent, counted from the beginning. */
  #sendLimit = 0;
  #received = 0;
  /** How many events may be received, counted from the beginning. */
  #receiveLimit: number;
  #peerDropped = 0;
  #unsendable = 0;
  #refused = 0;
  #batches = 0;

  /** The bus has checked the options, and whether its plugin may accept that; `InputError` as of {@link Mailbox} for the rest. */
  constructor(bus: BridgedBus, port: BusPort, options: BridgeOptions) {
    const { send = [], accept, policy, capacity, window = 4_096, maxBatchEvents = 256, maxBatchBytes = 262_144 } = options;
    const closed = Promise.withResolvers<void>();
    this.closed = closed.promise;
    this.#resolveClosed = closed.resolve;
    this.#bus = bus;
    this.#port = port;
    this.#options = { window, maxBatchEvents, maxBatchBytes };
    this.#accepts = acceptance(accept);
    this.#outbox = new Mailbox({ ...(policy === undefined ? {} : { policy }), ...(capacity === undefined ? {} : { capacity }) });
    this.#mostWaiting = (capacity ?? DEFAULT_MAILBOX_CAPACITY) + MAX_SIGNALS_WAITING;
    this.#receiveLimit = window;
    this.#leave.push(bus.attach(send, this));
    try {
      this.#listen();
    } catch (error) {
      this.#end();
      throw error;
    }
    this.#post({ kind: 'open', limit: this.#receiveLimit, answer: true });
  }

  /** For the bus, in the middle of a publish. */
  offer(delivery: Delivery): number {
    if (this.#state === 'closed' || delivery.carried) return 0;
    const shed = this.#outbox.offer(delivery, delivery.counts.class, `${delivery.event.topic} ${delivery.key}`);
    if (shed !== undefined) shed.counts.dropped += 1;
    if (this.#outbox.depth === this.#mostWaiting + 1) setImmediate(() => this.#giveUp());
    this.#planFlush();
    return 0;
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#post({ kind: 'close' });
    this.#end();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  stats(): BridgeStats {
    return {
      state: this.#state,
      sent: this.#sent,
      received: this.#received,
      waiting: this.#outbox.depth,
      dropped: this.#outbox.dropped,
      peerDropped: this.#peerDropped,
      unsendable: this.#unsendable,
      refused: this.#refused,
      batches: this.#batches,
    };
  }

  #end(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#outbox.clear();
    this.#resolveClosed();
    for (const leave of this.#leave) this.#try(leave);
  }

  #listen(): void {
    const stop = this.#port.listen({ message: (message) => this.#receive(message), close: () => this.#end() });
    // a port that is closed already may say so at once, when there was nothing to stop yet
    if (this.#state === 'closed') this.#try(stop);
    else this.#leave.push(stop);
  }

  /** A port that throws while it is left is the bridge's business: those who close it may be publishers, or nobody. */
  #try(leave: () => void): void {
    try {
      leave();
    } catch (error) {
      this.#bus.failed('*', error);
    }
  }

  /** One message in a turn of the event loop, so that what was published together goes together and timers stay on time. */
  #planFlush(): void {
    if (this.#flushPlanned || this.#sent >= this.#sendLimit || this.#outbox.depth === 0) return;
    setImmediate(() => {
      this.#flushPlanned = false;
      this.#flush();
    });
    // afterwards: a publisher at the end of its stack can make the call fail, which may not silence the bridge
    this.#flushPlanned = true;
  }

  #flush(): void {
    const batch = this.#takeBatch();
    if (batch.length === 0) return;
    if (!this.#postEvents(batch)) {
      // one of them cannot be cloned, and only sending each alone tells which
      for (const delivery of batch) if (!this.#postEvents([delivery])) this.#noteUnsendable(delivery.event.topic);
    }
    this.#planFlush();
  }

  #takeBatch(): Delivery[] {
    const { maxBatchEvents, maxBatchBytes } = this.#options;
    const batch: Delivery[] = [];
    const most = Math.min(maxBatchEvents, this.#sendLimit - this.#sent);
    let bytes = 0;
    while (batch.length < most && bytes < maxBatchBytes) {
      const delivery = this.#outbox.take();
      if (delivery === undefined) break;
      batch.push(delivery);
      bytes += bytesOf(delivery.event.payload, maxBatchBytes);
    }
    return batch;
  }

  #postEvents(batch: readonly Delivery[]): boolean {
    const events = batch.map(({ event, counts, key }) => carriedEvent(event, counts.class, key));
    if (this.#state === 'closed' || !this.#post({ kind: 'events', events, dropped: this.#outbox.dropped })) return false;
    for (const { counts } of batch) counts.delivered += 1;
    this.#sent += batch.length;
    this.#batches += 1;
    return true;
  }

  #post(frame: BridgeFrame): boolean {
    try {
      this.#port.post(frameMessage(frame));
      return true;
    } catch {
      // it cannot be cloned, or the other side is gone: then the port closes
      return false;
    }
  }

  #noteUnsendable(topic: string): void {
    this.#unsendable += 1;
    if (this.#unsendable > 1) return; // one is enough to find the publisher by
    const text = 'has a payload that cannot be cloned and stays on this side: leave out functions and the like. More are only counted';
    this.#bus.failed(topic, new InputError('BRIDGE_UNSENDABLE', `An event of ${topic} ${text}`));
  }

  #receive(message: unknown): void {
    const frame = parseFrame(message);
    if (frame === 'foreign') return;
    if (frame === 'malformed') this.#breakOff('a message that is none');
    else if (frame.kind === 'close') this.#end();
    else if (frame.kind === 'events') this.#receiveEvents(frame.events, frame.dropped);
    else this.#receiveLimitOf(frame);
  }

  #receiveLimitOf(frame: BridgeFrame & { readonly kind: 'open' | 'credit' }): void {
    if (frame.kind === 'open') {
      // once: a side that asks without end gets no answers without end
      const first = this.#state === 'opening';
      this.#state = 'open';
      if (first && frame.answer) this.#post({ kind: 'open', limit: this.#receiveLimit, answer: false });
    }
    this.#sendLimit = Math.max(this.#sendLimit, frame.limit);
    this.#planFlush();
  }

  #receiveEvents(events: readonly CarriedEvent[], dropped: number): void {
    if (this.#received + events.length > this.#receiveLimit) {
      this.#breakOff('more events than it may send');
      return;
    }
    this.#received += events.length;
    this.#peerDropped = dropped;
    for (const event of events) this.#relay(event);
    if (!this.#grantPlanned && this.#state !== 'closed') this.#planGrant();
  }

  #relay([topic, id, at, source, eventClass, key, payload]: CarriedEvent): void {
    const { topics, sources, classes } = this.#accepts;
    if (!topics.has(topic) || !sources.has(source) || !classes.has(eventClass)) {
      this.#noteRefused(topic, source, eventClass);
      return;
    }
    try {
      this.#bus.relay({ topic, id, at, source, version: 1, payload }, eventClass, key);
    } catch (error) {
      this.#bus.failed(topic, error);
    }
  }

  #noteRefused(topic: string, source: string, eventClass: EventClass): void {
    this.#refused += 1;
    if (this.#refused > 1) return; // what the other side sends is no reason to fill a log
    const what = `an event of ${shortened(topic)} from ${shortened(source)} with the class ${eventClass}`;
    const text = `A bridge refused ${what}: the other side may not publish it here. More are only counted`;
    this.#bus.failed('*', new InputError('BRIDGE_REFUSED', text));
  }

  /** More may come when the subscribers here have been given what came: until then it would only be shed. */
  #planGrant(): void {
    this.#grantPlanned = true;
    setImmediate(() => {
      if (this.#state === 'closed') return;
      this.#grantPlanned = false;
      if (this.#bus.isBehind()) {
        this.#planGrant();
        return;
      }
      this.#receiveLimit = this.#received + this.#options.window;
      this.#post({ kind: 'credit', limit: this.#receiveLimit });
    });
  }

  #giveUp(): void {
    if (this.#state === 'closed' || this.#outbox.depth <= this.#mostWaiting) return;
    const text = `A bridge was closed because the other side does not take what it is sent: ${this.#outbox.depth} events wait for it`;
    this.#bus.failed('*', new CapacityError('BRIDGE_STALLED', text));
    this.close();
  }

  #breakOff(what: string): void {
    const text = `A bridge was closed because the other side sent ${what}: both sides must run the same version of the SDK`;
    this.#bus.failed('*', new InputError('BRIDGE_BROKEN', text));
    this.close();
  }
}

/** Signals are not shed, so a side that takes none would fill the memory: this many are some ten MB. */
const MAX_SIGNALS_WAITING = 65_536;

interface Acceptance {
  readonly topics: ReadonlySet<string>;
  readonly sources: ReadonlySet<string>;
  readonly classes: ReadonlySet<EventClass>;
}

function acceptance(accept: BridgeAccept | undefined): Acceptance {
  return {
    topics: new Set(accept?.topics),
    sources: new Set(accept?.sources),
    classes: new Set(accept?.classes ?? ['data', 'signal', 'control']),
  };
}

/** What cannot even be looked at fills its batch; sending it will tell. */
function bytesOf(payload: unknown, enough: number): number {
  try {
    return approximateBytes(payload, enough);
  } catch {
    return enough;
  }
}

function shortened(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
