import { beforeAll, describe, expect, it } from '@jest/globals';
import { documentText } from './document-blocks.js';
import { COMPUTE, HARNESS, type RunningHost, startHost, WORKFLOW } from './running-host.js';
import { until } from './until.js';

const PAGE = documentText('docs/reference/metrics.md');
/** Of a section: the first cell of each row, and all names in code of the third. */
const rowsOf = (section: string) =>
  [...sectionOf(section).matchAll(/^\| `([^`]+)` \| [^|]* \| ([^|]*) \|/gm)].map(([, name = '', third = '']) => ({ name, third }));

let host: RunningHost;

beforeAll(async () => {
  host = await startHost({
    config: { plugins: { compute: { from: COMPUTE }, workflow: { from: WORKFLOW }, harness: { from: HARNESS } } },
  });
  await host.call('compute.list');
});

describe('the reference page of metrics', () => {
  it('has the names and labels that a running host shows, and no other', async () => {
    // The first decisions come with the first second.
    const text = await until('a decision on /metrics', async () => {
      const { text: page } = await host.request('/metrics');
      return page.includes('bellows_decisions_total{') ? page : undefined;
    });
    const shown = [...text.matchAll(/^((?:bellows|process)_\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? \S+$/gm)].map(
      ([, name = '', labels = '']) => {
        const names = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label).filter((label) => label !== 'le');
        return `${name} ${names.sort().join(' ')}`;
      },
    );
    const told = rowsOf('Prometheus').map(({ name, third }) => {
      const names = [...third.matchAll(/`(\w+)`/g)].map(([, label]) => label);
      return `${name} ${names.sort().join(' ')}`;
    });
    expect([...new Set(shown)].sort()).toEqual(told.sort());
  });

  it.each(['compute.wasm', 'workflow.pipeline', 'harness.scale'])('has the keys that %s reports, and no other', async (name) => {
    const { subsystems } = (await host.request('/v1/status')).json;
    const { metrics } = subsystems.find((subsystem: { name: string }) => subsystem.name === name);
    const told = [...rowsOf('Every subsystem'), ...rowsOf(`\`${name}\``)].map((row) => row.name);
    expect(Object.keys(metrics).sort()).toEqual(told.sort());
  });
});

function sectionOf(title: string): string {
  const [, text = ''] = PAGE.split(`## ${title}\n`);
  return text.split('\n## ')[0]!;
}
