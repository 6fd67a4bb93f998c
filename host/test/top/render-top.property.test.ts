import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decisionsOf, statusOf } from '../../src/top/host-answers.js';
import { renderTop, type ScreenSize } from '../../src/top/render-top.js';
import { textOf, widthOf } from '../../src/top/styled-line.js';
import { noData, type TopData, withConnectionLost, withDecisions, withEvent, withStatus } from '../../src/top/top-data.js';
import { FIRST_VIEW, SORTS, type TopView, viewAfterKey } from '../../src/top/top-view.js';
import { DECISION, METRICS } from '../http/loopback-host.js';
import { status, subsystem } from './samples.js';

const SIZE: ScreenSize = { columns: 100, rows: 24, ascii: false, now: 1_700_000_060_000 };

/** Text as a terminal must never get it, and as people write it. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom('\u001b[2J', '\u009b31m', '漢字'.repeat(60), '👩‍👩‍👧', '\u202e', '\n\r\t', ''),
);
const number = fc.oneof(fc.double(), fc.constantFrom(Number.MAX_VALUE, -1, 0, 1e12));
/** What a host may answer: its own shape, with anything inside. */
const anySubsystem = fc
  .record({ name: text, reason: text, backpressure: text, limit: number, inUse: number, completed: number })
  .map((of) =>
    subsystem(of.name, {
      binding: { limitedBy: of.reason as 'ceiling', reason: of.reason },
      backpressure: of.backpressure,
      limits: { maxCacheEntries: 1, maxMemoryBytes: 1, maxConcurrentOperations: of.limit, maxQueueDepth: of.limit },
      metrics: { ...METRICS, inUse: of.inUse, 'completed.total': of.completed, 'wait.p95Ms': of.inUse },
    }),
  );
const anyDecision = fc.record({ id: text, reason: text, at: number, to: number }).map((of) => ({ ...DECISION, ...of }));
const anyData = fc
  .record({
    subsystems: fc.array(anySubsystem, { maxLength: 30 }),
    decisions: fc.array(anyDecision, { maxLength: 20 }),
    message: text,
    lost: fc.boolean(),
  })
  .map(({ subsystems, decisions, message, lost }) => {
    const plugins = status().plugins.map((plugin) => ({ ...plugin, id: message, message, reason: message }));
    const read = statusOf(JSON.parse(JSON.stringify(status({ subsystems, plugins, version: message }))));
    const twice = withStatus(withStatus(noData('http://x'), read, 0), read, 1_000);
    const data = withDecisions(twice, decisionsOf(JSON.parse(JSON.stringify({ decisions }))));
    return lost ? withConnectionLost(data, message) : data;
  });
const anyView = fc.record<TopView>({
  page: fc.constantFrom('overview', 'explanation', 'help'),
  selected: fc.option(text, { nil: undefined }),
  sort: fc.constantFrom(...SORTS),
  isPaused: fc.boolean(),
});

describe('a frame', () => {
  it('is never wider or taller than the terminal and holds nothing that a terminal obeys, whatever a host sent', () => {
    fc.assert(
      fc.property(
        anyData,
        anyView,
        fc.integer({ min: 1, max: 250 }),
        fc.integer({ min: 1, max: 60 }),
        fc.boolean(),
        (data, view, columns, rows, ascii) => {
          const lines = renderTop(data, view, { columns, rows, ascii, now: 0 });
          expect(lines.length).toBeLessThanOrEqual(rows);
          for (const line of lines) {
            expect(widthOf(textOf(line))).toBeLessThanOrEqual(columns);
            expect(textOf(line)).not.toMatch(/[\p{Cc}\p{Cf}]/u);
          }
        },
      ),
    );
  });

  it('is made of any answer and any event, also of no known shape', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.jsonValue(),
        fc.constantFrom('metrics', 'decision', 'status', 'backpressure', 'other'),
        (part, payload, topic) => {
          const raw = {
            ...status(),
            machine: part,
            plugins: [part, ...status().plugins],
            subsystems: [part, { ...subsystem('demo.pool'), limits: part }, subsystem('demo.pool')],
          };
          let data = withStatus(noData('http://x'), statusOf(raw), 0);
          data = withDecisions(data, decisionsOf({ decisions: [part, { ...DECISION, reason: part, error: part }] }));
          const named = typeof payload === 'object' && payload !== null ? { subsystem: 'demo.pool', plugin: 'demo', ...payload } : payload;
          data = withEvent(withEvent(data, { topic, payload: named }), {
            topic: 'metrics',
            payload: { subsystem: 'demo.pool', values: part, limits: part },
          });
          for (const page of ['overview', 'explanation'] as const) {
            const lines = renderTop(data, { ...FIRST_VIEW, page }, SIZE);
            for (const line of lines) expect(widthOf(textOf(line))).toBeLessThanOrEqual(SIZE.columns);
          }
        },
      ),
    );
  });

  it('of the same data is the same', () => {
    fc.assert(
      fc.property(anyData, anyView, (data, view) => expect(renderTop(data, view, SIZE)).toEqual(renderTop(data, view, SIZE))),
      { numRuns: 20 },
    );
  });

  it('stays possible after any keys', () => {
    const keys = fc.array(fc.constantFrom('j', 'k', 's', 'p', '\r', '?', '\u001b', '\u001b[A', '\u001b[B', 'x', '😀'), { maxLength: 30 });
    fc.assert(
      fc.property(anyData, keys, (data: TopData, pressed) => {
        let view = FIRST_VIEW;
        for (const key of pressed) {
          const next = viewAfterKey(view, key, data);
          if (next !== 'quit') view = next;
        }
        expect(renderTop(data, view, SIZE).length).toBe(SIZE.rows);
      }),
    );
  });
});
