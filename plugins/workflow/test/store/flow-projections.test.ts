import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { FlowProjections } from '../../src/store/flow-projections.js';
import { STATUS_NUMBERS } from '../../src/store/flow-rows.js';
import type { FlowStatements } from '../../src/store/flow-statements.js';
import { aLine, aRun } from './flow-samples.js';

/** Lines over a file in which every run is queued. */
class Lines {
  readonly clock = new FakeClock();
  due = 0;
  asked = 0;
  readonly projections: FlowProjections;

  constructor() {
    const get = () => {
      this.asked += 1;
      return { status: STATUS_NUMBERS.queued };
    };
    const statements = { openCounts: { all: () => [] }, statusOf: { get } } as unknown as FlowStatements;
    const onDue = () => {
      this.due += 1;
    };
    this.projections = new FlowProjections({ clock: this.clock, statements, onDue });
  }

  add(status: 'running' | 'completed' | 'waiting', from: number, to: number): void {
    for (let run = from; run <= to; run += 1) this.projections.accept({ run, projection: aLine(status) });
  }

  get written(): number[] {
    const runs = [...this.projections.lines.keys()];
    this.projections.written();
    return runs;
  }
}

describe('FlowProjections', () => {
  it('are due when 50 wait, and lines that only say running make the others come no sooner and are not among them', () => {
    const lines = new Lines();
    lines.add('running', 1, 100);
    lines.add('completed', 1, 49);
    expect(lines.due).toBe(0);
    lines.add('completed', 50, 50);
    expect(lines.due).toBe(1);
    expect(lines.written).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    expect(lines.projections.due).toBe(false);
    expect(lines.projections.changed()).toEqual(Array.from({ length: 50 }, (_, index) => index + 51));
  });

  it('are all due half a second after the first of them, also after others were written', async () => {
    const lines = new Lines();
    lines.add('running', 1, 2);
    await lines.clock.advance(300);
    lines.add('completed', 10, 59);
    expect(lines.written).toHaveLength(50);
    await lines.clock.advance(199);
    expect(lines.due).toBe(1);
    await lines.clock.advance(1);
    expect(lines.due).toBe(2);
    expect(lines.written).toEqual([1, 2]);
    await lines.clock.advance(5_000);
    expect(lines.due).toBe(2);
  });

  it('are all due when 2,000 say running, because a list looks at each', () => {
    const lines = new Lines();
    lines.add('running', 1, 1_999);
    expect(lines.due).toBe(0);
    lines.add('running', 2_000, 2_000);
    expect(lines.due).toBe(1);
    expect(lines.written).toHaveLength(2_000);
  });

  it('have one line for each run, the newest, whichever kind came first', () => {
    const lines = new Lines();
    lines.add('waiting', 1, 1);
    lines.add('running', 1, 1);
    expect(lines.projections.newest(1)?.status).toBe('running');
    lines.add('completed', 1, 1);
    expect(lines.projections.newest(1)?.status).toBe('completed');
    expect(lines.projections.changed()).toEqual([1]);
  });

  it('count runs by status, asking the file only for runs that were there before', () => {
    const lines = new Lines();
    for (const key of [1, 2, 3]) lines.projections.accept({ run: key, newRun: aRun(key), projection: aLine('queued') });
    expect(lines.projections.counts()).toMatchObject({ queued: 3, running: 0 });
    lines.add('running', 1, 2);
    lines.add('completed', 2, 2);
    expect(lines.projections.counts()).toMatchObject({ queued: 1, running: 1, completed: 0 });
    expect(lines.asked).toBe(0);
    lines.add('waiting', 9, 9);
    expect(lines.asked).toBe(1);
  });
});
