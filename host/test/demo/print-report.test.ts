import { describe, expect, it } from '@jest/globals';
import type { DemoReport } from '../../src/demo/demo-report.js';
import { printReport } from '../../src/demo/print-report.js';

const report: DemoReport = {
  ok: true,
  version: '0.1.0',
  seconds: 21.25,
  repository: { folder: '/r', head: 'abc', files: 3, notes: [] },
  machine: { cores: 2 },
  parts: [{ part: 'compute', seconds: 3, did: ['3 texts counted'], figures: {}, verified: ['3 results compared'], problems: [] }],
  files: [
    { path: 'results/texts.csv', bytes: 120 },
    { path: 'docs/INDEX.md', bytes: 42, landed: { branch: 'bellows-demo', commit: '0123456789abcdef' } },
  ],
  ceilings: [
    { subsystem: 'compute.wasm', at: 1_000, from: 1, to: 3, limitedBy: 'share', reason: '15 wanted', decisions: 2 },
    { subsystem: 'compute.wasm', at: 3_500, from: 3, to: 1, limitedBy: 'floor', reason: '0 wanted', decisions: 1, refused: 'busy' },
  ],
  decisions: [],
  problems: [],
  kept: null,
};

function printed(some: Partial<DemoReport> = {}, screen: { isTTY?: boolean; columns?: number } = {}): string {
  let text = '';
  printReport({ ...screen, write: (chunk) => (text += chunk) }, { ...report, ...some });
  return text;
}

describe('printReport', () => {
  it('says what was done, how it was checked, which files there are and why ceilings moved', () => {
    expect(printed()).toBe(`
What was done in 21.3 s on 2 cores, with /r
  compute.wasm, 3.0 s
    3 texts counted
    checked: 3 results compared

Files made
  FILE               BYTES
  results/texts.csv  120
  docs/INDEX.md      42     branch bellows-demo, commit 0123456789

How the ceilings moved, and why
  AFTER  SUBSYSTEM     FROM  TO  LIMITED BY  WHY
  0.0 s  compute.wasm  1     3   share       15 wanted (2 steps)
  2.5 s  compute.wasm  3     1   floor       0 wanted (refused: busy)
`);
  });

  it('says so when nothing moved, and when something is not as it should be', () => {
    const text = printed({ ceilings: [], problems: ['compute: a.md: 3 words by WebAssembly, 4 by JavaScript'] });
    expect(text).toContain('They did not');
    expect(text).toContain('What is not as it should be\n  compute: a.md: 3 words');
  });

  it('shows the first of very many moves and says how many more there are', () => {
    const [move] = report.ceilings;
    const text = printed({ ceilings: Array.from({ length: 45 }, () => move!) });
    expect(text.match(/15 wanted/g)).toHaveLength(30);
    expect(text).toContain('and 15 more; --json has them all');
  });

  it('fits a narrow terminal', () => {
    const lines = printed({}, { isTTY: true, columns: 70 }).split('\n');
    expect(lines.filter((line) => line.length > 70)).toEqual([]);
  });
});
