import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EventStreamParser } from '../../src/client/event-stream-parser.js';

const STREAM =
  ': hello\n\nid: 1\nevent: metrics\ndata: {"a":1}\n\nevent: gap\r\ndata: one\r\ndata: two\r\n\r\ndata:bare\n\nevent: no data\n\nretry: 5\ndata: end\n\n';
const EVENTS = [
  { event: 'metrics', id: '1', data: '{"a":1}' },
  { event: 'gap', id: '', data: 'one\ntwo' },
  { event: 'message', id: '', data: 'bare' },
  { event: 'message', id: '', data: 'end' },
];

describe('server-sent events', () => {
  it('are the same, however the text is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1 }), (sizes) => {
        const parser = new EventStreamParser();
        const seen = [];
        for (let at = 0, turn = 0; at < STREAM.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          seen.push(...parser.push(STREAM.slice(at, at + size)));
          at += size;
        }
        expect(seen).toEqual(EVENTS);
      }),
    );
  });

  it('that grow without end are given up, and the next one is whole', () => {
    const parser = new EventStreamParser();
    const piece = 'x'.repeat(1024 * 1024);
    for (let count = 0; count < 10; count += 1) expect(parser.push(`data: ${piece}\n`)).toEqual([]);
    expect(parser.push('\n')).toEqual([]);
    expect(parser.tooLarge).toBe(1);
    for (let count = 0; count < 10; count += 1) expect(parser.push(piece)).toEqual([]);
    expect(parser.push('\n\ndata: next\n\n')).toEqual([{ event: 'message', id: '', data: 'next' }]);
    expect(parser.tooLarge).toBe(2);
  });

  it('are made of any text', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (chunks) => {
        const parser = new EventStreamParser();
        for (const chunk of chunks) for (const { data } of parser.push(chunk)) expect(typeof data).toBe('string');
      }),
    );
  });
});
