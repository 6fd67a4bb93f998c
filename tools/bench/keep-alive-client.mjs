import { connect } from 'node:net';
import { percentile } from './statistics.mjs';

/**
 * Posts the same body again and again over `concurrency` connections that are kept, each with one request at a time, for
 * `durationMs` after a warm-up. A bare socket instead of node:http: the client must cost little, it runs on the same cores.
 */
export async function load(url, { body, concurrency, durationMs, warmUpMs = durationMs / 4 }) {
  const { hostname, port, host, pathname } = new URL(url);
  const head = `POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  const request = Buffer.from(head + body);
  const from = performance.now() + warmUpMs;
  const until = from + durationMs;
  const latencies = [];
  let failed = 0;
  const record = (started, ended, status) => {
    if (started < from || ended > until) return;
    if (status === 200) latencies.push(ended - started);
    else failed += 1;
  };
  let onMeasuring = () => {};
  const measuring = new Promise((resolve) => (onMeasuring = resolve));
  setTimeout(onMeasuring, warmUpMs);
  const connections = Array.from({ length: concurrency }, () => drive({ hostname, port, request, until, record }));
  return { measuring, done: Promise.all(connections).then(() => summary(latencies, failed, durationMs)) };
}

function summary(latencies, failed, durationMs) {
  if (failed > 0) throw new Error(`${failed} of ${failed + latencies.length} requests failed`);
  return {
    count: latencies.length,
    perSecond: (latencies.length / durationMs) * 1000,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
  };
}

function drive({ hostname, port, request, until, record }) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    let started = 0;
    let received = '';
    const send = () => {
      started = performance.now();
      socket.write(request);
    };
    socket.setEncoding('latin1');
    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      received += chunk;
      const length = answerLength(received);
      if (length === undefined || received.length < length) return;
      const now = performance.now();
      record(started, now, Number(received.slice(9, 12)));
      received = received.slice(length);
      if (now < until) return send();
      socket.destroy();
      resolve();
    });
  });
}

/** How many bytes the whole answer has, as soon as its head is there. */
function answerLength(received) {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const length = /\r\ncontent-length: (\d+)/i.exec(received.slice(0, end))?.[1];
  if (length === undefined) throw new Error('An answer without Content-Length: this client cannot read it');
  return end + 4 + Number(length);
}
