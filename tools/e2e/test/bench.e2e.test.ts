import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { cleanEnv, REPOSITORY } from './running-host.js';

const REPORT = path.join(REPOSITORY, 'tools/bench/report.mjs');

const figure = (name: string, better: string, ...values: number[]) => ({ name, unit: 'ms', better, values });

describe('the comparison of benchmarks', () => {
  const before = { figures: [figure('start', 'lower', 100, 90, 300), figure('calls', 'higher', 1000), figure('peer', 'none', 10)] };

  it('names what is more than a tenth worse by its median, in either direction', () => {
    const worse = compare(
      { figures: [figure('start', 'lower', 111, 500, 20), figure('calls', 'higher', 900), figure('peer', 'none', 99)] },
      before,
    );
    expect(worse).toHaveLength(2);
    expect(worse[0]).toMatch(/^WORSE start: 111 ms, was 100 \(11 % worse\)/);
    expect(worse[1]).toMatch(/^WORSE calls: 900 ms, was 1,000 \(11 % worse\)/);
  });

  it('lets pass what is better, within a tenth, or new', () => {
    const now = { figures: [figure('start', 'lower', 109), figure('calls', 'higher', 5000), figure('new', 'lower', 1)] };
    expect(compare(now, before)).toEqual([]);
  });
});

describe('the report of benchmarks', () => {
  it('says how many times the peer’s figure ours is, measure by measure', () => {
    const figures = [
      figure('http: ours, p50', 'lower', 3),
      figure('http: peer, Echo, per second', 'none', 100),
      figure('http: peer, Echo, p50', 'none', 2),
      figure('alone: ours', 'lower', 1),
    ];
    const lines = report('text', figures).split('\n');
    expect(lines[0]).toMatch(/1\.50 × Echo$/);
    expect(lines.slice(1).join()).not.toContain('×');
  });

  it('names every peer of a measure, and none for a measure that no peer has or of which a peer has nothing', () => {
    const figures = [
      figure('flow: ours, p50', 'lower', 3),
      figure('flow: ours, CPU each', 'lower', 3),
      figure('flow: ours, failed', 'lower', 3),
      figure('flow: peer, By hand, p50', 'none', 2),
      figure('flow: peer, Product, p50', 'none', 30),
      figure('flow: peer, By hand, failed', 'none', 0),
    ];
    const lines = report('text', figures).split('\n');
    expect(lines[0]).toMatch(/1\.50 × By hand, 0\.10 × Product$/);
    expect(lines.slice(1).join()).not.toContain('×');
  });
});

/** In a process of its own: the script is plain JavaScript and has no types. */
function compare(now: unknown, before: unknown): string[] {
  return report('compare', now, before);
}

function report<T = string>(name: 'compare' | 'text', ...args: readonly unknown[]): T {
  const given = args.map((argument) => JSON.stringify(argument)).join(', ');
  const script = `import { ${name} } from ${JSON.stringify(REPORT)}; console.log(JSON.stringify(${name}(${given})))`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', env: cleanEnv() });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as T;
}
