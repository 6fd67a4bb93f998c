import type { ScalingDecision } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import type { DemoReport } from '../../src/demo/demo-report.js';
import { printReport } from '../../src/demo/print-report.js';

const decision = (subsystem: string, at: number, some: Partial<ScalingDecision>): ScalingDecision => ({
  id: `d${at}`,
  subsystem,
  at,
  from: 1,
  to: 3,
  reason: 'in the words of the governor',
  limitedBy: 'share',
  outcome: 'applied',
  inputs: { demand: 16, weight: 2 },
  ...some,
});

const report: DemoReport = {
  ok: true,
  version: '0.1.0',
  seconds: 21.25,
  repository: { folder: '/r', head: 'abc', files: 3, notes: [] },
  machine: { cores: 2 },
  parts: [
    {
      part: 'compute',
      seconds: 3,
      did: ['3 texts counted', '2 of the last commit'],
      figures: {},
      verified: ['3 results: the same'],
      problems: [],
    },
    { part: 'workflow', seconds: 3, did: ['2 runs'], figures: {}, verified: [], problems: [] },
  ],
  files: [
    { path: 'results/texts.csv', bytes: 12_000 },
    { path: 'docs/INDEX.md', bytes: 42, landed: { branch: 'bellows-demo', commit: '0123456789abcdef' } },
  ],
  acts: [
    { name: 'alone', at: 100 },
    { name: 'together', at: 200 },
  ],
  ceilings: [],
  decisions: [
    decision('compute.wasm', 120, {}),
    decision('compute.wasm', 220, { from: 3, to: 1, limitedBy: 'floor', inputs: { demand: 0 } }),
    decision('harness.scale', 230, { outcome: 'refused', error: 'busy' }),
  ],
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
  compute   3 texts counted
            2 of the last commit
            checked: 3 results: the same
  workflow  2 runs

Files made, and removed now (--keep leaves them)
  FILE               BYTES
  results/texts.csv  12,000
  docs/INDEX.md      42      on the branch bellows-demo

How the ceilings moved, and why
  A ceiling is how many operations at once the governor lets a subsystem run, a floor what it has at rest. What is too much for all is shared by weight.
  WHEN      WHO      CEILING  WHY
  alone     compute  1 → 3    wants 16: gets its share (weight 2)
  together  compute  3 → 1    wants nothing: keeps its floor
            harness  1        refused: busy
`);
  });

  it('says so when nothing moved, and when something is not as it should be', () => {
    const text = printed({ decisions: [], problems: ['compute: a.md: 3 words by WebAssembly, 4 by JavaScript'] });
    expect(text).toContain('They did not');
    expect(text).toContain('What is not as it should be\n  compute: a.md: 3 words');
  });

  it('does not say of files that are kept that they are removed', () => {
    expect(printed({ kept: '/k' })).toContain('\nFiles made\n');
  });

  it('stays short whatever happened: many files and many turns of a ceiling are a line each', () => {
    const files = Array.from({ length: 12 }, (_one, index) => ({ ...report.files[1]!, path: `${index}/INDEX.md` }));
    const turns = Array.from({ length: 40 }, (_one, index) =>
      decision('compute.wasm', 201 + index, index % 2 === 0 ? { from: 2, to: 9 } : { from: 9, to: 2 }),
    );
    const text = printed({ files, decisions: turns });
    expect(text).toContain('  **/INDEX.md  504    12 files on the branch bellows-demo\n');
    expect(text).toContain('  together  compute  2 → 9 → … → 2  wants 16: gets its share (weight 2)\n');
    expect(text.split('\n').length).toBeLessThan(20);
  });

  it('fits a narrow terminal', () => {
    const lines = printed({}, { isTTY: true, columns: 60 }).split('\n');
    expect(lines.filter((line) => line.length > 60)).toEqual([]);
  });
});
