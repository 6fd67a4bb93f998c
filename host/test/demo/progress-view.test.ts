import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { type PartState, ProgressView } from '../../src/demo/progress-view.js';

const parts: readonly PartState[] = [
  { part: 'compute', work: '12 of 900 texts', inUse: 2, limit: 3, ceiling: 4 },
  { part: 'harness', work: '1 of 3 issues landed, 2 at work', inUse: 2, limit: 2, ceiling: 10 },
];

function view({ isTTY = false, columns = 80, env = {} }: { isTTY?: boolean; columns?: number; env?: Record<string, string> } = {}) {
  const clock = new FakeClock();
  let text = '';
  const output = { isTTY, columns, write: (chunk: string | Uint8Array) => (text += chunk) };
  return { progress: new ProgressView(output, { clock, env }), clock, text: () => text };
}

describe('ProgressView', () => {
  it('redraws its lines on a terminal, and takes them away before a line that stays', () => {
    const { progress, text } = view({ isTTY: true });
    progress.show(parts);
    expect(text()).toBe(
      '  compute   2 of 3 running, ceiling 4     12 of 900 texts\n  harness   2 of 2 running, ceiling 10    1 of 3 issues landed, 2 at work\n',
    );
    progress.show(parts.slice(0, 1));
    progress.say('done');
    expect(text().split('\u001b[')).toEqual([expect.any(String), '2A', expect.stringMatching(/^J {2}compute.*\n$/), '1A', 'Jdone\n']);
    progress.clear();
    progress.clear();
    expect(text().endsWith('done\n')).toBe(true);
  });

  it('cuts lines that would be broken by a narrow terminal', () => {
    const { progress, text } = view({ isTTY: true, columns: 40 });
    progress.show(parts);
    expect(
      text()
        .split('\n')
        .every((line) => line.length < 40),
    ).toBe(true);
  });

  it.each([{ isTTY: false }, { isTTY: true, env: { TERM: 'dumb' } }])('writes a plain line now and then elsewhere: %j', async (where) => {
    const { progress, clock, text } = view(where);
    for (let second = 0; second < 7; second++) {
      progress.show(parts);
      await clock.advance(1_000);
    }
    const first =
      '  0 s  compute 12 of 900 texts (2 of 3 running, ceiling 4) | harness 1 of 3 issues landed, 2 at work (2 of 2 running, ceiling 10)\n';
    expect(text()).toBe([first, first.replace('0 s', '3 s'), first.replace('0 s', '6 s')].join(''));
    expect(text()).not.toContain('\u001b');
  });

  it('lets nothing through that a terminal would obey', () => {
    const { progress, text } = view();
    progress.say('a\u001b[31mred\nnext');
    expect(text()).toBe('a\ufffd[31mred\nnext\n');
  });
});
