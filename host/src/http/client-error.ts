import type { Socket } from 'node:net';
import { errorBody, InputError, systemRandom } from '@bellows/sdk';
import { newTraceId } from '../operations/trace-id.js';

/** Answers on a bare socket what the HTTP parser could not read, in the shape of every other error, and closes it. */
export function answerUnreadable(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, reason, message] = UNREADABLE[error.code ?? ''] ?? [400, 'Bad Request', 'What was sent is no valid HTTP request.'];
  const known = new InputError('REQUEST_INVALID', message, { phase: 'receive', status });
  const body = JSON.stringify({ error: errorBody(known, newTraceId(systemRandom)) });
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

const UNREADABLE: Readonly<Record<string, [number, string, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'The headers are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'The request did not arrive in time.'],
};
