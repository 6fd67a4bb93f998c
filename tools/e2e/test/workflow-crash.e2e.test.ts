import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type RunningHost, startHost, WORKFLOW } from './running-host.js';
import { until } from './until.js';
import { type Effect, flowFolder, parseEffects } from './workflow-samples.js';

const KILLS = 4;
const CALLERS = 6;

interface HistoryEvent {
  readonly seq: number;
  readonly type: string;
  readonly stage?: string;
  readonly at: number;
}

function start(folder: string): Promise<RunningHost> {
  return startHost({ folder, config: { plugins: { workflow: { from: WORKFLOW, config: { definitions: ['flows/*.ts'] } } } } });
}

/** Starts runs until told to stop and keeps the ids that were acknowledged; what a dying host does not answer is not in it. */
async function startRuns(host: RunningHost, name: string, { input, acknowledged }: { input: unknown; acknowledged: string[] }) {
  let isOver = false;
  const callers = Array.from({ length: CALLERS }, async () => {
    while (!isOver) {
      const answer = await host.call('workflow.start', { name, input }).catch(() => null);
      if (answer === null) return;
      if (answer.status === 200) acknowledged.push(answer.json.id);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });
  return async () => {
    isOver = true;
    await Promise.all(callers);
  };
}

async function ended(host: RunningHost, id: string) {
  return until(`the end of ${id}`, async () => {
    const { json } = await host.call('workflow.wait', { id, timeoutMs: 5_000 });
    return /completed|failed|rolled_back|cancelled/.test(json.status) ? json : undefined;
  });
}

async function historyOf(host: RunningHost, id: string): Promise<HistoryEvent[]> {
  return (await host.call('workflow.history', { id })).json.events;
}

/** No stage may act again once its result is in the log: every line it wrote is older than that. */
function checkEffects(events: readonly HistoryEvent[], effects: readonly Effect[], [type, what]: readonly [string, string]): void {
  const recorded = events.filter((event) => event.type === type);
  const stages = recorded.map(({ stage }) => stage);
  expect(new Set(stages).size).toBe(stages.length);
  for (const { stage, at } of recorded) {
    const lines = effects.filter((effect) => effect.stage === stage && effect.what === what);
    expect(lines.length).toBeGreaterThanOrEqual(1);
    for (const line of lines) expect(line.at).toBeLessThanOrEqual(at);
  }
}

describe('a host killed with SIGKILL again and again', () => {
  it('finishes every run it acknowledged and repeats no recorded stage', async () => {
    const folder = flowFolder();
    const file = path.join(folder, 'effects.jsonl');
    const acknowledged: string[] = [];
    let host = await start(folder);
    const stages = ['a', 'b', 'c', 'd'].map((name, index, all) => ({
      name,
      run: 'effect',
      input: { file, sleepMs: 8 },
      dependsOn: index === 0 ? [] : [all[index - 1]],
    }));
    expect((await host.call('workflow.define', { json: { name: 'chain', version: 1, stages } })).status).toBe(200);
    for (let kill = 0; kill < KILLS; kill += 1) {
      const before = acknowledged.length;
      const stop = await startRuns(host, 'chain', { input: {}, acknowledged });
      await until('some acknowledged runs', () => acknowledged.length >= before + 12);
      await host.stop('SIGKILL');
      await stop();
      host = await start(folder);
    }
    const effects = Map.groupBy(parseEffects(readFileSync(file, 'utf8')), ({ run }) => run);
    for (const id of acknowledged) {
      expect((await ended(host, id)).status).toBe('completed');
    }
    const later = Map.groupBy(parseEffects(readFileSync(file, 'utf8')), ({ run }) => run);
    for (const id of acknowledged) {
      checkEffects(await historyOf(host, id), later.get(id) ?? [], ['stage.completed', 'did']);
      expect(later.get(id)?.length ?? 0).toBeGreaterThanOrEqual(effects.get(id)?.length ?? 0);
    }
    expect(acknowledged.length).toBeGreaterThanOrEqual(KILLS * 12);
    expect((await host.stop()).code).toBe(0);
  });

  it('goes on with a rollback where it was, and compensates nothing twice', async () => {
    const folder = flowFolder();
    const file = path.join(folder, 'effects.jsonl');
    let host = await start(folder);
    const one = (name: string, dependsOn: string[]) => ({
      name,
      run: 'effect',
      dependsOn,
      input: { file },
      compensate: { run: 'undo', input: { file, sleepMs: 60 } },
    });
    const stages = [
      one('base', []),
      one('left', ['base']),
      one('right', ['base']),
      { name: 'last', run: 'effect', dependsOn: ['left', 'right'], input: { file, always: true }, retry: { maxAttempts: 1 } },
    ];
    expect((await host.call('workflow.define', { json: { name: 'saga', version: 1, stages } })).status).toBe(200);
    const ids = Array.from({ length: 6 }, (_, index) => `saga-${index}`);
    for (const id of ids) expect((await host.call('workflow.start', { name: 'saga', input: {}, id })).json.created).toBe(true);
    const undone = () => (existsSync(file) ? parseEffects(readFileSync(file, 'utf8')).filter(({ what }) => what === 'undid').length : 0);
    for (const enough of [2, 7]) {
      await until(`${enough} compensations`, () => undone() >= enough);
      await host.stop('SIGKILL');
      host = await start(folder);
    }
    for (const id of ids) {
      const run = await ended(host, id);
      expect(run.status).toBe('rolled_back');
      expect(run.rollback.waves.map((wave: string[]) => [...wave].sort())).toEqual([['left', 'right'], ['base']]);
      const effects = parseEffects(readFileSync(file, 'utf8')).filter(({ run: of }) => of === id);
      checkEffects(await historyOf(host, id), effects, ['compensation.completed', 'undid']);
      const lastUndo = (stage: string) =>
        Math.max(...effects.filter((line) => line.stage === stage && line.what === 'undid').map(({ at }) => at));
      expect(lastUndo('base')).toBeGreaterThanOrEqual(Math.max(lastUndo('left'), lastUndo('right')));
    }
  });

  it('answers a repeated start with the run that it had acknowledged', async () => {
    const folder = flowFolder();
    let host = await start(folder);
    await host.call('workflow.define', { json: { name: 'wait', version: 1, stages: [{ name: 'go', signal: 'go' }] } });
    expect((await host.call('workflow.start', { name: 'wait', input: { a: 1 }, id: 'one' })).json).toEqual({ id: 'one', created: true });
    await host.stop('SIGKILL');
    host = await start(folder);
    expect((await host.call('workflow.start', { name: 'wait', input: { a: 1 }, id: 'one' })).json).toEqual({ id: 'one', created: false });
    expect((await host.call('workflow.start', { name: 'wait', input: { a: 2 }, id: 'one' })).status).toBe(409);
    expect((await host.call('workflow.signal', { id: 'one', name: 'go', payload: { yes: true } })).status).toBe(200);
    await host.stop('SIGKILL');
    host = await start(folder);
    const run = await ended(host, 'one');
    expect([run.status, run.output]).toEqual(['completed', { yes: true }]);
  });
});
