import { describe, expect, it } from '@jest/globals';
import { FrameQueue } from '../../dashboard/src/charts/frame-queue.js';
import { backOffMs } from '../../dashboard/src/state/back-off.js';
import * as format from '../../dashboard/src/state/format.js';
import { hrefOf, parseRoute, titleOf } from '../../dashboard/src/state/route.js';
import { SeriesRing } from '../../dashboard/src/state/series-ring.js';
import { MAX_BLOCK_CHARS, SseParser } from '../../dashboard/src/state/sse-parser.js';
import { barsOf } from '../../dashboard/src/state/stage-bars.js';

describe('a stream of events', () => {
  it('leaves out a block that is too large, in one piece or in many, and goes on behind it', () => {
    for (const size of [2 * MAX_BLOCK_CHARS, 50_000]) {
      const parser = new SseParser();
      const huge = `event: metrics\ndata: ${'x'.repeat(2 * MAX_BLOCK_CHARS)}\n\nevent: metrics\ndata: after\n\n`;
      const found = [];
      for (let at = 0; at < huge.length; at += size) found.push(...parser.push(huge.slice(at, at + size)));
      expect(found.map(({ data }) => data)).toEqual(['after']);
      expect(parser.tooLarge).toBe(1);
    }
  });

  it('finds the end of a block that is too large also where a piece ends between its two line breaks', () => {
    const parser = new SseParser();
    expect(parser.push(`data: ${'x'.repeat(MAX_BLOCK_CHARS)}\n`)).toEqual([]);
    expect(parser.push('\ndata: after\n\n')).toEqual([{ event: 'message', id: '', data: 'after' }]);
  });
});

describe('the readings of the charts', () => {
  it('are the last ones, oldest first, with gaps where nothing was known', () => {
    const ring = new SeriesRing(3);
    for (let at = 1; at <= 5; at += 1) ring.add(at, new Map(at === 4 ? [['b', 40]] : [['a', at * 10]]));
    const { times, values } = ring.read(['a', 'b', 'never']);
    expect(times).toEqual([3, 4, 5]);
    expect([values.get('a'), values.get('b'), values.get('never')]).toEqual([
      [30, null, 50],
      [null, 40, null],
      [null, null, null],
    ]);
  });

  it('forget names that are gone, so that their memory is bounded', () => {
    const ring = new SeriesRing(10);
    for (let at = 0; at < 1_000; at += 1) ring.add(at, new Map([[`name ${Math.floor(at / 10)}`, at]]));
    expect(ring.names.length).toBeLessThanOrEqual(3);
    expect(ring.length).toBe(10);
  });
});

describe('an address', () => {
  it('leads to a view and back, whatever the id is', () => {
    for (const id of ['order-1', 'a/b/c', 'a?b=c&d#e', '<img onerror>', 'ü 100 %', '\0\u202e', '__proto__']) {
      expect(parseRoute(hrefOf('workflows', { id, query: { status: 'failed' } }))).toEqual({
        view: 'workflows',
        id,
        query: { status: 'failed' },
      });
    }
    expect(hrefOf('workflows', { id: '\ud800' })).toBe('#/workflows/%EF%BF%BD');
  });

  it('is the overview when it is empty, and unknown when nothing is there', () => {
    expect([parseRoute(''), parseRoute('#'), parseRoute('#/')].map(({ view }) => view)).toEqual(['overview', 'overview', 'overview']);
    expect([parseRoute('#/none'), parseRoute('#/toString')].map(({ view }) => view)).toEqual(['unknown', 'unknown']);
    expect(parseRoute('#/workflows/%E0%A4%A')).toMatchObject({ id: '%E0%A4%A' });
  });

  it('has a title that tells tabs apart', () => {
    expect(titleOf(parseRoute('#/harness/first'))).toBe('first · Harness · Bellows');
    expect(titleOf(parseRoute(`#/modules/${'x'.repeat(500)}`)).length).toBeLessThan(100);
  });
});

describe('a number', () => {
  it('is written in one way everywhere', () => {
    const of = [0, 0.126, 12.345, 1_234.5, 1e9].map(format.number);
    expect(of).toEqual(['0', '0.13', '12.35', '1,235', '1,000,000,000']);
    expect([undefined, null, Number.NaN, Number.POSITIVE_INFINITY].map(format.number)).toEqual(Array(4).fill(format.UNKNOWN));
    expect([0, 1, 1_023, 1_536, 68 * 2 ** 20, 2.4 * 2 ** 30].map(format.bytes)).toEqual([
      '0 B',
      '1 B',
      '1,023 B',
      '1.5 KiB',
      '68 MiB',
      '2.4 GiB',
    ]);
    expect([0, 0.05, 1.24, 350, 999.7, 4_200, 65_000, 3_600_000, 7_500_000, 400_000_000].map(format.duration)).toEqual([
      '0 ms',
      '< 0.1 ms',
      '1.2 ms',
      '350 ms',
      '1.0 s',
      '4.2 s',
      '1 min 5 s',
      '1 h',
      '2 h 5 min',
      '4 d 15 h',
    ]);
  });

  it('of time is relative, and exact beside it, also where it is no time at all', () => {
    expect([0, 12_000, 200_000, 8_000_000, 900_000_000].map((back) => format.ago(1e12 - back, 1e12))).toEqual([
      'just now',
      '12 s ago',
      '3 min ago',
      '2 h ago',
      '10 d ago',
    ]);
    expect(format.ago(1e12 + 60_000, 1e12)).toBe('in 1 min');
    expect(format.absoluteTime(1_700_000_000_000)).toBe('2023-11-14 22:13:20.000 UTC');
    expect([format.absoluteTime(1e300), format.isoTime(Number.NaN), format.clockTime(-1e300)]).toEqual([
      format.UNKNOWN,
      undefined,
      format.UNKNOWN,
    ]);
  });
});

describe('data with times', () => {
  it('shows them as times, and what is none as it is', () => {
    const data = {
      dueAt: 1_700_000_000_000,
      endedAt: null,
      at: 1_700_000_000_000,
      countAt: 7,
      brokenAt: 1e300,
      error: { failedAt: 1_700_000_000_001 },
    };
    expect(JSON.parse(format.withTimes(data))).toEqual({
      ...data,
      dueAt: '2023-11-14 22:13:20.000 UTC',
      error: { failedAt: '2023-11-14 22:13:20.001 UTC' },
    });
    expect(format.withTimes('dueAt')).toBe('"dueAt"');
  });
});

describe('a text of somebody else', () => {
  it('is shown with signs for what cannot be seen or would turn the rest', () => {
    expect(format.shown('a\0b\u001b[31m\u007f\u202egnp\u2066\u200b\ufeff')).toBe('a␀b␛[31m␡⟨U+202E⟩gnp⟨U+2066⟩⟨U+200B⟩⟨U+FEFF⟩');
    expect(format.shown('<b>bold</b>\n\tשלום 😀')).toBe('<b>bold</b>\n\tשלום 😀');
  });

  it('is cut without half characters', () => {
    expect(format.shorten('12345', 5)).toBe('12345');
    expect(format.shorten('123456', 5)).toBe('1234…');
    expect(format.shorten('123😀56', 5)).toBe('123…');
  });
});

describe('the time bar of a stage', () => {
  it('lies where the stage lies within its run, and can be seen when it is short', () => {
    const bars = barsOf(
      [
        { startedAt: 1_000, endedAt: 1_500 },
        { startedAt: 1_500, endedAt: null },
        { startedAt: 2_000, endedAt: 2_000 },
        { startedAt: null, endedAt: null },
      ],
      { from: 1_000, to: 2_000 },
    );
    expect(bars[0]).toMatchObject({ left: 0, width: 0.5, tookMs: 500 });
    expect(bars[1]).toMatchObject({ left: 0.5, width: 0.5, startMs: 500 });
    expect(bars[2]?.width).toBeGreaterThan(0);
    expect((bars[2]?.left ?? 1) + (bars[2]?.width ?? 1)).toBeLessThanOrEqual(1);
    expect(bars[3]).toBeNull();
  });

  it('stays within its row, whatever the clocks said', () => {
    for (const bar of barsOf(
      [
        { startedAt: -1e300, endedAt: 1e300 },
        { startedAt: 9_999, endedAt: 1 },
      ],
      { from: 5_000, to: 4_000 },
    )) {
      expect(bar?.left).toBeGreaterThanOrEqual(0);
      expect((bar?.left ?? 0) + (bar?.width ?? 0)).toBeLessThanOrEqual(1);
    }
  });
});

describe('trying again', () => {
  it('waits ever longer, up to ten seconds, never at the same moment as everybody', () => {
    expect([1, 2, 3, 6, 60, 6_000].map((attempt) => backOffMs(attempt, 1))).toEqual([500, 1_000, 2_000, 10_000, 10_000, 10_000]);
    expect(backOffMs(3, 0)).toBe(1_000);
  });
});

describe('the queue of a frame', () => {
  it('draws each thing once, however often it was asked for', () => {
    const frames: (() => void)[] = [];
    const queue = new FrameQueue((callback) => frames.push(callback));
    let drawn = 0;
    const draw = () => (drawn += 1);
    for (let asked = 0; asked < 100; asked += 1) queue.add(draw);
    const gone = () => (drawn += 100);
    queue.add(gone);
    queue.remove(gone);
    expect(frames).toHaveLength(1);
    frames[0]?.();
    expect(drawn).toBe(1);
  });
});
