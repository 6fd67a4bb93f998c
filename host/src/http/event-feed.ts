import { type BusEvent, CapacityError, type IClock, type IEventBus } from '@bellows/sdk';

/** How far back a client may resume. About four minutes of an idle host with a handful of subsystems. */
const HISTORY_LENGTH = 1_000;
/** Each stream holds a socket and up to its write buffer. */
const MAX_STREAMS = 100;
/** Under the 30 s after which the common proxies take a silent connection for dead. */
const HEARTBEAT_MS = 15_000;
/** A client that takes nothing for so long is gone. */
const STALLED_MS = 60_000;

/** Where a stream writes to; a socket in the host, anything in tests. */
export interface EventSink {
  /** False when it wants no more until `resume` is called on the stream. */
  write(chunk: string): boolean;
  end(): void;
}

export interface EventStreamOptions {
  readonly sink: EventSink;
  readonly topics: ReadonlySet<string> | 'all';
  /** The id of the last event the client has; 0: all that is kept; undefined: from now on. */
  readonly afterId?: number;
  /** A line for people who look at the stream; programs skip it. */
  readonly note?: string;
}

export interface EventStream {
  /** The sink has room again. */
  resume(): void;
  /** No write happens afterwards. Twice is fine. */
  close(): void;
}

interface Client extends EventStreamOptions {
  /** How many events of the feed it has passed. */
  position: number;
  writable: boolean;
  stalledSince: number | undefined;
}

interface Kept {
  readonly id: number;
  readonly topic: string;
  readonly event: BusEvent;
  /** Made when the first stream needs it, then shared. */
  frame: string | undefined;
}

/**
 * Events for server-sent event streams. The last 1,000 are kept once, for all; a stream is a position in them. So resuming,
 * a slow reader and live delivery are the same thing, and a reader costs no memory of its own: one that falls behind
 * further than the history is told of the gap (`event: gap`) and goes on with the oldest there is.
 */
export class EventFeed {
  readonly #clock: IClock;
  readonly #history: Kept[] = [];
  readonly #clients = new Set<Client>();
  readonly #stop: () => void;
  /** Of the first event in the history: how many came before it. */
  #first = 0;

  constructor({ bus, clock }: { readonly bus: IEventBus; readonly clock: IClock }) {
    this.#clock = clock;
    const subscription = bus.subscribe('*', { owner: 'http', policy: 'drop-oldest', capacity: HISTORY_LENGTH }, (event) =>
      this.#add(event),
    );
    const cancelHeartbeat = clock.setRepeating(HEARTBEAT_MS, () => this.#beat());
    this.#stop = () => {
      subscription.unsubscribe();
      cancelHeartbeat();
    };
  }

  /** `CapacityError` (`EVENT_STREAMS_FULL`) when one more stream would be too many. */
  demandRoom(): void {
    if (this.#clients.size < MAX_STREAMS) return;
    throw new CapacityError('EVENT_STREAMS_FULL', `${MAX_STREAMS} event streams are open: close one.`, { retryAfterMs: HEARTBEAT_MS });
  }

  /** Writes what is due at once. Ask `demandRoom` first. */
  open(options: EventStreamOptions): EventStream {
    const client: Client = { ...options, position: this.#positionAfter(options.afterId), writable: true, stalledSince: undefined };
    this.#clients.add(client);
    this.#write(client, `: ${options.note ?? 'bellows events'}\n\n`);
    if (options.afterId !== undefined && this.#isBeyond(options.afterId)) this.#tellGap(client, options.afterId);
    this.#pump(client);
    return {
      resume: () => {
        client.writable = true;
        client.stalledSince = undefined;
        this.#pump(client);
      },
      close: () => this.#clients.delete(client),
    };
  }

  /** Ends every stream and leaves the bus. Twice is fine. */
  close(): void {
    this.#stop();
    for (const client of this.#clients) client.sink.end();
    this.#clients.clear();
  }

  get streams(): number {
    return this.#clients.size;
  }

  #add(event: BusEvent): void {
    this.#history.push({ id: event.id, topic: event.topic, event, frame: undefined });
    if (this.#history.length > HISTORY_LENGTH) {
      this.#history.shift();
      this.#first += 1;
    }
    for (const client of this.#clients) this.#pump(client);
  }

  #pump(client: Client): void {
    if (client.position < this.#first) {
      if (!client.writable) return;
      this.#tellGap(client);
      client.position = this.#first;
    }
    while (client.writable && this.#clients.has(client)) {
      const kept = this.#history[client.position - this.#first];
      if (!kept) return;
      client.position += 1;
      if (client.topics === 'all' || client.topics.has(kept.topic)) this.#write(client, (kept.frame ??= frame(kept.event)));
    }
  }

  /** Where an event of this id, or the first after it, stands. */
  #positionAfter(id: number | undefined): number {
    if (id === undefined) return this.#first + this.#history.length;
    if (this.#isBeyond(id)) return this.#first;
    const index = this.#history.findIndex((kept) => kept.id > id);
    return this.#first + (index === -1 ? this.#history.length : index);
  }

  /** Not to be continued without loss: older than the history, or of another run of the host. */
  #isBeyond(id: number): boolean {
    const oldest = this.#history[0];
    const newest = this.#history.at(-1);
    if (id === 0) return this.#first > 0;
    return !oldest || !newest || id > newest.id || id < oldest.id - 1;
  }

  #tellGap(client: Client, afterId?: number): void {
    const oldest = this.#history[0];
    const data = JSON.stringify({ ...(afterId === undefined ? {} : { afterId }), resumesAt: oldest?.id ?? null });
    this.#write(client, `: gap, some events are lost\nevent: gap\ndata: ${data}\n\n`);
  }

  #beat(): void {
    const now = this.#clock.monotonicMs();
    for (const client of [...this.#clients]) {
      if (client.writable) this.#write(client, ': still here\n\n');
      else if (client.stalledSince !== undefined && now - client.stalledSince >= STALLED_MS) {
        this.#clients.delete(client);
        client.sink.end();
      }
    }
  }

  #write(client: Client, chunk: string): void {
    client.writable = client.sink.write(chunk);
    if (!client.writable) client.stalledSince ??= this.#clock.monotonicMs();
  }
}

/** JSON has no line breaks of its own, so one `data` line holds it; a topic is a name, so it cannot break out of its line. */
function frame(event: BusEvent): string {
  return `event: ${event.topic}\nid: ${event.id}\ndata: ${jsonOf(event)}\n\n`;
}

/** A plugin may publish what JSON cannot hold (a BigInt, a cycle); its envelope is sent all the same. */
function jsonOf(event: BusEvent): string {
  try {
    return JSON.stringify(event);
  } catch {
    return JSON.stringify({ ...event, payload: null });
  }
}
