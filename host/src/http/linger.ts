import { Readable } from 'node:stream';
import type { IClock } from '@bellows/sdk';
import type { FastifyRequest } from 'fastify';

/** Enough for a client on this machine to have written what it had under way and to read the answer. */
const LINGER_MS = 3_000;

/**
 * An answer that is given before the body of the request was read: the text at once, the end of it only when the rest of the
 * body was read and thrown away, or after a while. A connection closed with unread bytes is reset, and the reset overtakes
 * the answer: the client would learn of a broken pipe only.
 */
export function lingeringBody(text: string, request: FastifyRequest, clock: IClock): Readable {
  const { raw } = request;
  const body = new Readable({ read() {} });
  body.push(text);
  const end = () => {
    cancel();
    if (!body.readableEnded && !body.destroyed) body.push(null);
  };
  const cancel = clock.setTimer(LINGER_MS, end);
  raw.once('end', end);
  raw.once('close', end);
  raw.resume();
  return body;
}
