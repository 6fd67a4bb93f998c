import type { MailboxPolicy } from './event-bus-contract.js';
import type { EventClass } from './events.js';

/** One end of a two-way channel of structured-cloned messages; `busPortOf` makes one of what Node.js has. */
export interface BusPort {
  /** May throw, for what cannot be cloned and when the other side is gone. */
  post(message: unknown): void;
  /** Calls `message` for each message and `close` when none can come any more, until the answer is called. */
  listen(listener: { message(message: unknown): void; close(): void }): () => void;
}

export interface BridgeOptions {
  /** The topics whose events go to the other side; `*` is not possible. What came over a bridge is not carried on. */
  readonly send?: readonly string[];
  /** What may come from the other side; everything else is refused and counted. Without it nothing may. */
  readonly accept?: BridgeAccept;
  /** What happens to data beyond `capacity`. Default `drop-newest`. */
  readonly policy?: MailboxPolicy;
  /** How many events of class `data` may wait for the other side. Default 1,024. */
  readonly capacity?: number;
  /** How many events the other side may have sent that are not handed to the subscribers here. Default 4,096. */
  readonly window?: number;
  /** How many events, and about how many bytes of them, one message holds. Defaults: 256 and 256 KiB. A larger event goes alone. */
  readonly maxBatchEvents?: number;
  readonly maxBatchBytes?: number;
}

export interface BridgeAccept {
  readonly topics: readonly string[];
  /** Whose events: envelopes keep their `source`, so a plugin may name itself only, and `its-id.anything`. */
  readonly sources: readonly string[];
  /** Default: all three. Give `['data']` to a side that is not trusted: the others are never shed. */
  readonly classes?: readonly EventClass[];
}

/** `opening`: the other side has not answered yet. */
export type BridgeState = 'opening' | 'open' | 'closed';

export interface BridgeStats {
  readonly state: BridgeState;
  readonly sent: number;
  readonly received: number;
  /** Waiting for the other side. */
  readonly waiting: number;
  /** Data shed on this side because the other one did not keep up. */
  readonly dropped: number;
  /** The same of the other side, as of its last message. */
  readonly peerDropped: number;
  /** Events whose payload cannot be cloned. */
  readonly unsendable: number;
  /** Events of the other side that `accept` does not allow. */
  readonly refused: number;
  /** Messages with events that were sent. */
  readonly batches: number;
}

/**
 * Carries events between this bus and one in another thread or process. Envelopes arrive as they were published, in their order;
 * control overtakes, signals are never shed. Nothing the other side does throws here: what is malformed closes the bridge and is
 * reported as a handler's error would be.
 */
export interface BusBridge extends Disposable {
  /** Carries nothing afterwards, in either direction, and tells the other side. The port stays as it is. Twice is fine. */
  close(): void;
  /** Resolves when it is closed, by either side or because the port is. */
  readonly closed: Promise<void>;
  stats(): BridgeStats;
}
