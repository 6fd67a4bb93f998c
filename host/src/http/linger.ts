import type { IClock } from '@bellows/sdk';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Enough for a client on this machine to have written what it had under way and to read the answer. */
const LINGER_MS = 1_000;

/**
 * For an answer that is given before the body was read: reads on and throws away for a while instead of hanging up. A connection
 * closed with unread bytes is reset, and the reset overtakes the answer: the client would learn of a broken pipe only.
 */
export function lingerAfter(request: FastifyRequest, reply: FastifyReply, clock: IClock): void {
  const { raw } = request;
  // a client that asked for `Connection: close` would be hung up on at the end of the answer
  reply.raw.shouldKeepAlive = true;
  reply.removeHeader('connection');
  raw.resume();
  const cancel = clock.setTimer(LINGER_MS, () => raw.destroy());
  raw.once('close', cancel);
}
