import { describe, it } from '@jest/globals';
import fc from 'fast-check';
import { hostEventOf } from '../../dashboard/src/state/host-event.js';
import { type HostState, MAX_DECISIONS, NOTHING_KNOWN } from '../../dashboard/src/state/host-state.js';
import { reduce } from '../../dashboard/src/state/reduce.js';
import { SseParser, type StreamBlock } from '../../dashboard/src/state/sse-parser.js';
import { eventOf, PAYLOADS, statusAt } from './samples.js';

const known = reduce(NOTHING_KNOWN, { type: 'status', status: statusAt(10_000) });

function take(state: HostState, blocks: readonly StreamBlock[]): HostState {
  return blocks.reduce((before, block) => {
    const event = hostEventOf(block);
    return event === undefined ? reduce(before, { type: 'unreadable', count: 1 }) : reduce(before, { type: 'event', event });
  }, state);
}

/** Events of one host: each id is one moment. */
const history = fc
  .array(
    fc.oneof(
      fc.record({ topic: fc.constant('metrics' as const), value: fc.nat(50) }),
      fc.record({ topic: fc.constant('decision' as const), value: fc.nat(50) }),
      fc.record({ topic: fc.constant('reconfigure' as const), value: fc.nat(50) }),
      fc.record({ topic: fc.constant('status' as const), value: fc.nat(50) }),
    ),
    { maxLength: 40 },
  )
  .map((events) =>
    events.map(({ topic, value }, index) =>
      eventOf(topic, index + 1, topic === 'status' ? PAYLOADS.status(1_000 + index) : PAYLOADS[topic](value)),
    ),
  );

describe('what the page knows', () => {
  it('is the same in whatever order, and however often, the events come', () => {
    fc.assert(
      fc.property(
        history.chain((blocks) =>
          fc.tuple(fc.constant(blocks), fc.shuffledSubarray(blocks, { minLength: blocks.length }), fc.shuffledSubarray(blocks)),
        ),
        ([inOrder, shuffled, again]) => {
          const plain = JSON.stringify(take(known, inOrder));
          return JSON.stringify(take(known, [...shuffled, ...again])) === plain;
        },
      ),
    );
  });

  it('never breaks and never grows, whatever is published', () => {
    const anything = fc.record({
      event: fc.oneof(fc.constantFrom('metrics', 'decision', 'status', 'backpressure', 'reconfigure', 'gap'), fc.string()),
      id: fc.string(),
      data: fc.oneof(
        fc.string(),
        fc.json(),
        fc
          .record({ topic: fc.constantFrom('metrics', 'decision', 'status'), id: fc.nat(), at: fc.double(), payload: fc.object() })
          .map((value) => JSON.stringify(value)),
      ),
    });
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 60 }), (blocks) => {
        const state = take(known, blocks);
        return state.decisions.length <= MAX_DECISIONS && state.subsystems.length === 1 && state.plugins.length === 1;
      }),
    );
  });
});

describe('a stream of events', () => {
  const text = history.map((blocks) =>
    blocks.map(({ event, id, data }) => `event: ${event}\nid: ${id}\ndata: ${data}\n\n: comment\n\n`).join(''),
  );

  it('gives the same blocks in whatever pieces it arrives', () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(400), { maxLength: 50 }), (stream, cuts) => {
        const whole = new SseParser().push(stream);
        const parser = new SseParser();
        const pieces: StreamBlock[] = [];
        let rest = stream;
        for (const cut of cuts) {
          pieces.push(...parser.push(rest.slice(0, cut)));
          rest = rest.slice(cut);
        }
        pieces.push(...parser.push(rest));
        return JSON.stringify(pieces) === JSON.stringify(whole);
      }),
    );
  });

  it('is taken apart without an error, whatever it holds', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('\n', ':', ' ', 'data', 'id', 'event', 'x', '\r', '\0') }), { maxLength: 30 }),
        (chunks) => {
          const parser = new SseParser();
          return chunks.flatMap((chunk) => parser.push(chunk)).every(({ data }) => typeof data === 'string');
        },
      ),
    );
  });
});
