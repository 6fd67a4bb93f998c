import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { replay, type Script } from './otp-replay.js';

interface Traced extends Script {
  /** What the supervisor of Erlang/OTP did. */
  readonly trace: string;
}

const { scripts } = JSON.parse(readFileSync(new URL('./otp-traces.json', import.meta.url), 'utf8')) as { scripts: readonly Traced[] };

/** Those whose replay is another one, after a change of what is replayed. */
async function differences(change: (script: Script) => Script = (script) => script) {
  const found: { script: Script; otp: string; ours: string }[] = [];
  for (const { trace, ...script } of scripts) {
    const ours = await replay(change(script));
    if (ours !== trace) found.push({ script, otp: trace, ours });
  }
  return found;
}

describe('the traces of a supervisor of Erlang/OTP', () => {
  it('are what ours does too, event by event', async () => {
    expect(scripts.length).toBeGreaterThanOrEqual(500);
    const found = await differences();
    expect(found.slice(0, 5)).toEqual([]);
  });

  it.each<[string, (script: Script) => Script]>([
    ['allows one restart more', (script) => ({ ...script, max: script.max + 1 })],
    ['allows one restart less', (script) => ({ ...script, max: Math.max(0, script.max - 1) })],
    ['counts within thrice the time', (script) => ({ ...script, seconds: script.seconds * 3 })],
    [
      'restarts all for the rest',
      (script) => ({ ...script, strategy: script.strategy === 'rest_for_one' ? 'one_for_all' : script.strategy }),
    ],
    ['restarts one for all', (script) => ({ ...script, strategy: 'one_for_one' })],
    ['restarts transient children always', (script) => replaced(script, ' transient ', ' permanent ')],
    ['keeps temporary children', (script) => replaced(script, ' temporary ', ' transient ')],
    ['ends nobody by force', (script) => replaced(script, ' ignores ', ' obeys ')],
  ])('tell a supervisor apart that %s', async (_name, change) => {
    expect((await differences(change)).length).toBeGreaterThan(5);
  });
});

function replaced(script: Script, from: string, to: string): Script {
  return JSON.parse(JSON.stringify(script).replaceAll(from, to));
}
