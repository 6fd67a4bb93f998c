import net from 'node:net';
import { startTestHost } from '@bellows/host/testing';
import fc from 'fast-check';
import { hostileText, mutatedText } from '../hostile-values.mjs';

const BODY = '{"name":"a"}';
const GOOD = [
  'GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  'GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  `POST /v1/operations/a.b HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
  `POST /v1/files HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  'GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nLast-Event-ID: 5\r\n\r\n',
  `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
  'POST /v1/files HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
];
const bytes = fc.oneof({ weight: 5, arbitrary: mutatedText(fc.constantFrom(...GOOD)) }, hostileText, fc.uint8Array({ maxLength: 500 }));

/** Bytes on a socket, in one piece or byte by byte, half of them no HTTP. The host answers or hangs up, and is there for the next. */
export const sockets = {
  async open() {
    const host = await startTestHost({ plugins: [], listen: true });
    const { port } = new URL(host.http.url);
    const check = async ([given, pieces]) => {
      const text = await exchange(Number(port), Buffer.from(given), pieces);
      const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => status);
      if (text !== '' && !/^HTTP\/1\.1 \d{3} /.test(text)) throw new Error(`that is no answer: ${text.slice(0, 200)}`);
      if (statuses.includes('500')) throw new Error(`bad input is called our fault: ${text.slice(0, 500)}`);
      const health = await fetch(`${host.http.url}/health`);
      await health.arrayBuffer();
      if (health.status !== 200) throw new Error('the host is not well afterwards');
      return statuses[0] ?? 'hung up';
    };
    return { arbitrary: fc.tuple(bytes, fc.constantFrom(1, 1, 2, 7)), check, close: () => host.stop() };
  },
};

/** Everything that comes back until the host closes, or a stream of events has begun. */
function exchange(port, given, pieces) {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = net.connect(port, '127.0.0.1', async () => {
      const size = Math.ceil(given.length / pieces) || 1;
      for (let at = 0; at < given.length && socket.writable; at += size) {
        socket.write(given.subarray(at, at + size));
        if (pieces > 1) await new Promise(setImmediate);
      }
      socket.end();
    });
    socket.setNoDelay(true);
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += chunk;
      if (text.includes('text/event-stream')) socket.destroy();
    });
    // hanging up on what cannot be read is an answer, too
    socket.on('error', (error) => (['ECONNRESET', 'EPIPE'].includes(error.code) ? undefined : reject(error)));
    socket.on('close', () => resolve(text));
  });
}
