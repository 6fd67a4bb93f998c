import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { LOAD_TESTS, loadTestPlan } from '../../src/cli/load-test-plan.js';

describe('the plan of a load test', () => {
  it('has the numbers of the scenarios of the plugin', () => {
    const file = path.join(import.meta.dirname, '../../../plugins/harness/src/load-test/load-test-spec.ts');
    const scenarios = [...readFileSync(file, 'utf8').matchAll(/^ +(\w+): scenario\(\{(.*)\}\)/gm)].map(([, name, fields = '']) => {
      const of = (field: string) => /^[\d_.]+/.exec(fields.split(`${field}: `)[1] ?? '')?.[0].replaceAll('_', '');
      return [
        name,
        {
          issues: Number(of('totalIssues')),
          agents: Number(of('concurrentAgents')),
          sessionMs: Number(of('avgSessionDurationMs')),
          rampUpMs: Number(of('rampUpMs')),
          failureRate: Number(of('failureRate') ?? 0.1),
        },
      ];
    });
    expect(Object.fromEntries(scenarios)).toEqual(LOAD_TESTS);
  });

  it('takes as long as its sessions do, shortened by the speed', () => {
    expect(loadTestPlan('smoke')).toContain('10 issues, up to 5 agents at once, sessions of 30.0 s. It takes at least 1 min 30 s,');
    expect(loadTestPlan('smoke', 20)).toContain('sessions of 1.5 s (30.0 s ÷ 20). It takes at least 4.5 s,');
    expect(loadTestPlan('huge')).toBeUndefined();
  });
});
