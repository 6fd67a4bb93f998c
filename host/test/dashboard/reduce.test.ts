import { describe, expect, it } from '@jest/globals';
import { decisionOf, hostEventOf } from '../../dashboard/src/state/host-event.js';
import { type HostState, MAX_DECISIONS, MAX_SUBSYSTEMS, NOTHING_KNOWN } from '../../dashboard/src/state/host-state.js';
import { reduce } from '../../dashboard/src/state/reduce.js';
import type { StreamBlock } from '../../dashboard/src/state/sse-parser.js';
import { eventOf, PAYLOADS, statusAt } from './samples.js';

const known = reduce(NOTHING_KNOWN, { type: 'status', status: statusAt(10_000) });

function after(state: HostState, ...blocks: readonly StreamBlock[]): HostState {
  return blocks.reduce((before, block) => {
    const event = hostEventOf(block);
    return event === undefined ? before : reduce(before, { type: 'event', event });
  }, state);
}

describe('what the page knows', () => {
  it('follows the metrics, the ceiling and the backpressure of a subsystem', () => {
    const state = after(
      known,
      eventOf('metrics', 1, PAYLOADS.metrics(7)),
      eventOf('reconfigure', 2, PAYLOADS.reconfigure(16)),
      eventOf('backpressure', 3, PAYLOADS.backpressure('critical')),
    );
    expect(state.subsystems[0]).toMatchObject({ metrics: { inUse: 7 }, ceiling: 16, backpressure: 'critical' });
    expect(state.lastEventId).toBe(3);
  });

  it('keeps what is newer than a status that took its time', () => {
    const state = after(known, eventOf('metrics', 50, PAYLOADS.metrics(9)), eventOf('reconfigure', 51, PAYLOADS.reconfigure(32)));
    const late = reduce(state, { type: 'status', status: statusAt(10_200) });
    expect(late.subsystems[0]).toMatchObject({ metrics: { inUse: 9 }, ceiling: 32 });
    const fresh = reduce(state, { type: 'status', status: statusAt(11_000) });
    expect(fresh.subsystems[0]).toMatchObject({ metrics: { inUse: 4 }, ceiling: 4 });
  });

  it('believes a status after the clock of the host was set back', () => {
    const state = after(known, eventOf('metrics', 50, PAYLOADS.metrics(9)));
    expect(reduce(state, { type: 'status', status: statusAt(2_000) }).subsystems[0]).toMatchObject({ metrics: { inUse: 4 } });
  });

  it('forgets the run before when the host is another one', () => {
    const state = after(known, eventOf('decision', 900, PAYLOADS.decision(5)));
    expect(state.decisions).toHaveLength(1);
    const other = reduce(reduce(state, { type: 'gap' }), { type: 'status', status: statusAt(10_500, { pid: 2 }) });
    expect(other).toMatchObject({ decisions: [], lastEventId: undefined, gaps: 0, host: { pid: 2 } });
  });

  it('shows the state of a plugin that was heard of last', () => {
    const state = after(known, eventOf('status', 1, PAYLOADS.status(700)), eventOf('status', 2, PAYLOADS.status(600)));
    expect(state.plugins[0]).toMatchObject({ id: 'demo', version: '1.0.0', state: 'degraded', message: 'since 700' });
    expect(reduce(state, { type: 'status', status: statusAt(10_100) }).plugins[0]).toMatchObject({ state: 'degraded' });
  });

  it('leaves alone what it does not know', () => {
    const state = after(known, eventOf('metrics', 4, { ...PAYLOADS.metrics(1), subsystem: 'other.pool' }));
    expect(state.subsystems).toBe(known.subsystems);
    expect(after(known, eventOf('status', 5, { ...PAYLOADS.status(9_999), plugin: 'other' })).plugins).toBe(known.plugins);
  });

  it('keeps no more decisions and subsystems than can be shown, the newest first', () => {
    const decisions = Array.from({ length: 2_000 }, (_, count) => decisionOf(PAYLOADS.decision(count + 1))!);
    const state = reduce(known, { type: 'decisions', decisions });
    expect(state.decisions).toHaveLength(MAX_DECISIONS);
    expect(state.decisions[0]?.id).toBe('d2000');
    const names = Array.from({ length: 1_000 }, (_, index) => `demo.pool${index}`);
    expect(reduce(known, { type: 'status', status: statusAt(10_100, { names }) }).subsystems).toHaveLength(MAX_SUBSYSTEMS);
  });

  it('counts gaps and what was not readable', () => {
    const state = reduce(reduce(known, { type: 'gap' }), { type: 'unreadable', count: 2 });
    expect(state).toMatchObject({ gaps: 1, unreadable: 2 });
    expect(reduce(state, { type: 'unreadable', count: 0 })).toBe(state);
  });
});

describe('an event', () => {
  it('is nothing when it is not what it should be', () => {
    const block = (data: string, event = 'metrics') => hostEventOf({ event, id: '1', data });
    const envelope = (payload: unknown, more: object = {}) =>
      JSON.stringify({ topic: 'metrics', id: 1, at: 1, source: 'x', version: 1, payload, ...more });
    for (const data of ['', 'no json', 'null', '[]', '7', '"text"', '{}', envelope(null), envelope([]), envelope({ subsystem: 5 })]) {
      expect(block(data)).toBeUndefined();
    }
    expect(block(envelope(PAYLOADS.metrics(1), { id: 'seven' }))).toBeUndefined();
    expect(block(envelope(PAYLOADS.metrics(1), { at: null }))).toBeUndefined();
    expect(block(envelope(PAYLOADS.metrics(1), { topic: 'decision' }))).toBeUndefined();
    expect(block(envelope(PAYLOADS.metrics(1)), 'control')).toBeUndefined();
    expect(block(envelope(PAYLOADS.metrics(1)), 'toString')).toBeUndefined();
    expect(block(envelope(PAYLOADS.metrics(1)))).toMatchObject({ topic: 'metrics' });
  });

  it('keeps of huge and wrong values what can be shown', () => {
    const values = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`own.${index}`, index]));
    const payload = { ...PAYLOADS.metrics(1), values: { text: 'no number', none: null, ...values } };
    const event = hostEventOf(eventOf('metrics', 1, payload));
    expect(event?.topic === 'metrics' && Object.keys(event.payload.values)).toHaveLength(200);
    const decision = decisionOf({ ...PAYLOADS.decision(1), reason: 'x'.repeat(1_000_000), inputs: 'none' });
    expect(decision?.reason).toHaveLength(8_000 + '… (1000000 characters)'.length);
    expect(decision?.inputs).toEqual({});
    expect(decisionOf({ ...PAYLOADS.decision(1), outcome: '<img>' })).toBeUndefined();
  });
});
