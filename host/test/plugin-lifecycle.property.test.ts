import { PLUGIN_STATES, type PluginState, type PluginStatus } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PluginLifecycle, TRANSITIONS } from '../src/plugin-lifecycle.js';

const change = { reason: 'R', message: 'm' };
const create = (onChange: (status: PluginStatus) => void = () => {}) =>
  new PluginLifecycle({ id: 'p', version: '1.0.0', configRevision: 1 }, { clock: new FakeClock(), onChange, hide: (text) => text });

describe('PluginLifecycle', () => {
  it('takes exactly the steps of its table, whatever is asked of it', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...PLUGIN_STATES)), (wanted) => {
        const seen: PluginState[] = [];
        const lifecycle = create((status) => seen.push(status.state));
        let current: PluginState = 'discovered';
        const taken: PluginState[] = [];
        for (const next of wanted) {
          const allowed = TRANSITIONS[current].includes(next);
          expect(lifecycle.can(next)).toBe(allowed);
          if (!allowed) {
            expect(() => lifecycle.to(next, change)).toThrow(expect.objectContaining({ code: 'LIFECYCLE_STEP' }));
            continue;
          }
          lifecycle.to(next, change);
          taken.push(next);
          current = next;
        }
        expect(seen).toEqual(taken);
        expect(lifecycle.state).toBe(current);
      }),
    );
  });

  it('can be stopped from every state but stopping and stopped', () => {
    const cannot = PLUGIN_STATES.filter((state) => !TRANSITIONS[state].includes('stopping'));
    expect(cannot).toEqual(['stopping', 'stopped']);
  });

  it('can try again from waiting, blocked and failed', () => {
    for (const state of ['waiting', 'blocked', 'failed'] as const) expect(TRANSITIONS[state]).toContain('activating');
  });

  it('keeps why the last attempt failed when a later one succeeds', () => {
    const lifecycle = create();
    lifecycle.to('validated', change);
    lifecycle.to('activating', change);
    lifecycle.to('waiting', { ...change, failed: { code: 'STORE_UNREACHABLE', message: 'no store' } });
    lifecycle.to('activating', change);
    lifecycle.to('active', change);
    expect(lifecycle.status).toMatchObject({ state: 'active', lastAttempt: { code: 'STORE_UNREACHABLE', message: 'no store' } });
  });
});
