import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { CapacityError } from '@bellows/sdk';
import { bodyTooLarge, MAX_JSON_BYTES } from './json-body.js';

/** Sixteen of the largest: senders who hold back the end of theirs must not use up the memory of the host (measured: 90 of them, 5 GB). */
const MAX_HELD_BYTES = 16 * MAX_JSON_BYTES;
/** Bodies up to here always get in, so that whoever holds the rest shuts out nobody else. */
const FREE_BYTES = 1024 * 1024;
const RETRY_AFTER_MS = 1_000;

/** How many bytes of large bodies the host holds at once, from the first byte that arrives until the answer has left. */
export class BodyBudget {
  readonly #maxBytes: number;
  #heldBytes = 0;

  constructor(maxBytes = MAX_HELD_BYTES) {
    this.#maxBytes = maxBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * The same body, counted while it is read; undefined when it announces to be small enough not to count. Reading fails with
   * `CapacityError` (`BODIES_FULL`) where it does not fit; the stream behind it stays open, for the answer.
   */
  count(body: Readable, { announced, response }: { readonly announced: string | undefined; readonly response: ServerResponse }) {
    if (announced !== undefined && Number(announced) <= FREE_BYTES) return undefined;
    return Readable.from(this.#counted(body, response), { objectMode: false });
  }

  async *#counted(body: Readable, response: ServerResponse): AsyncGenerator<Buffer> {
    let received = 0;
    let held = 0;
    response.once('close', () => {
      this.#heldBytes -= held;
      held = 0;
    });
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      received += chunk.byteLength;
      // Whoever parses would notice too, but leave this loop waiting and the rest of the body unread.
      if (received > MAX_JSON_BYTES) throw bodyTooLarge();
      if (received > FREE_BYTES && !response.closed) {
        const more = received - held;
        if (this.#heldBytes + more > this.#maxBytes) throw bodiesFull();
        this.#heldBytes += more;
        held = received;
      }
      yield chunk;
    }
  }
}

function bodiesFull(): CapacityError {
  return new CapacityError(
    'BODIES_FULL',
    'The host holds as many large bodies as it may: try again when some were answered, or send files with POST /v1/files.',
    { phase: 'receive', retryAfterMs: RETRY_AFTER_MS },
  );
}
