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
    const told = rowsOf('Prometheus').map(({ name, third }) => {
      const names = [...third.matchAll(/`(\w+)`/g)].map(([, label]) => label);
      return `${name} ${names.sort().join(' ')}`;
    });
    let shown: readonly string[] = [];
    // Some come with the first second: decisions, and what the subsystems report.
    await until('all that the page tells', async () => {
      shown = namesIn((await host.request('/metrics')).text);
      return told.every((name) => shown.includes(name));
    }).catch(() => {}); // what is missing is said below
    expect(shown).toEqual(told.sort());
  });

  it.each(['compute.wasm', 'workflow.pipeline', 'harness.scale'])('has the keys that %s reports, and no other', async (name) => {
    const { subsystems } = (await host.request('/v1/status')).json;
    const { metrics } = subsystems.find((subsystem: { name: string }) => subsystem.name === name);
    const told = [...rowsOf('Every subsystem'), ...rowsOf(`\`${name}\``)].map((row) => row.name);
    expect(Object.keys(metrics).sort()).toEqual(told.sort());
  });
});

/** Each name of a metric with its labels, once. */
function namesIn(text: string): readonly string[] {
  const lines = text.matchAll(/^((?:bellows|process)_\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? \S+$/gm);
  const names = [...lines].map(([, name = '', labels = '']) => {
    const all = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label).filter((label) => label !== 'le');
    return `${name} ${all.sort().join(' ')}`;
  });
  return [...new Set(names)].sort();
}

function sectionOf(title: string): string {
  const [, text = ''] = PAGE.split(`## ${title}\n`);
  return text.split('\n## ')[0]!;
}
