import { demand } from '@bellows/sdk/testing';
import { type Appearance, type ChangeOutcome, ChangingLife, differenceOf, PROBE } from './changing-life.js';
import { explained } from './explained.js';
import { changeBack, type LiveChange, liveChangesOf, liveOptionNames, refusedChangesOf } from './live-changes.js';
import { callAllAtOnce, isCallersBusiness, leftInHost } from './plugin-life.js';
import type { PluginUnderCheck } from './plugin-under-check.js';
import type { ProcessWatch } from './process-watch.js';
import { endsWithin, withRunningTime } from './running-time.js';
import { afterTurns } from './turns.js';

/** There and back, so that what one change leaves behind is seen in the sum. */
const ROUND_TRIPS = 5;
/** Turns of the event loop after which a change is told to end. */
const ABORTED_AFTER_TURNS = [0, 1, 2, 5];
const CALL_TIMEOUT_MS = 5_000;

/** Each is kept by a plugin that registers no `onReconfigure` and marks no option as live: it is restarted for every change. */
export async function checkChangesThereAndBack(subject: PluginUnderCheck, watch: ProcessWatch): Promise<void> {
  await using life = await ChangingLife.begin(subject);
  const { changes: given = [], probe } = subject.options;
  const changes = liveChangesOf(subject);
  if (!life.takesChanges) {
    demand(given.length === 0, 'it has no ctx.onReconfigure that could take the given changes over');
    const live = liveOptionNames(subject);
    demand(
      live.length === 0,
      `${live.join(', ')} ${live.length === 1 ? 'is' : 'are'} marked change: 'live', and it has no ctx.onReconfigure: register one, or take the mark away`,
    );
    return;
  }
  demand(changes.length > 0, 'it has ctx.onReconfigure, and no option is marked as live: give `changes`, or mark one');
  const shown = new Set<LiveChange>();
  for (const change of changes) {
    const before = await life.appearance();
    for (let trip = 0; trip < ROUND_TRIPS; trip += 1) {
      const there = await life.change(change);
      demandAnswered(there, change);
      if (there.how !== 'taken') break;
      if (before[PROBE] !== (await life.appearance())[PROBE]) shown.add(change);
      await changeBackIn(life, subject, change);
    }
    demandSame(before, await life.appearance(), `after ${change.what} and back`);
  }
  const isSeen = probe === undefined || given.length === 0 || shown.size > 0;
  demand(
    isSeen,
    `the answer to the probe is the same with each of the given changes: it did not apply them, or its probe does not show them`,
  );
  const left = [...(await leftInHost(life.host)), ...(await watch.leftovers())];
  demand(left.length === 0, `after these changes a stop leaves ${left.join(', ')}`);
}

export async function checkBusyChanges(subject: PluginUnderCheck): Promise<void> {
  await using life = await ChangingLife.begin(subject);
  if (!life.takesChanges) return;
  for (const change of liveChangesOf(subject)) {
    let calls: readonly Promise<unknown>[] = [];
    const there = await life.change(change, async () => {
      calls = callAllAtOnce(life.host, subject);
      await afterTurns(1);
    });
    demandAnswered(there, change);
    const timeoutMs = subject.options.callTimeoutMs ?? CALL_TIMEOUT_MS;
    const ended = Promise.all(calls);
    const isOver = await withRunningTime(life.host.clock, () => endsWithin(timeoutMs, ended));
    demand(isOver, `calls that ran while it changed ${change.what} did not end`);
    const fault = (await ended).find((error) => error !== undefined && !isCallersBusiness(error));
    demand(fault === undefined, `a call that ran while it changed ${change.what} ended with ${explained(fault)}`);
    if (there.how === 'taken') await changeBackIn(life, subject, change);
  }
}

/** What its own rules refuse: those of the given changes, and any other that happens to be refused. */
export async function checkRefusedChanges(subject: PluginUnderCheck): Promise<void> {
  await using life = await ChangingLife.begin(subject);
  if (!life.takesChanges) return;
  for (const change of [...refusedChangesOf(subject), ...liveChangesOf(subject)]) {
    const before = await life.appearance();
    const outcome = await life.change(change);
    demandAnswered(outcome, change);
    if (outcome.how === 'taken') await changeBackIn(life, subject, change);
    else demandSame(before, await life.appearance(), `after it refused ${change.what}`);
  }
}

export async function checkInterruptedChanges(subject: PluginUnderCheck): Promise<void> {
  await using life = await ChangingLife.begin(subject);
  if (!life.takesChanges) return;
  for (const change of liveChangesOf(subject)) {
    for (const turns of ABORTED_AFTER_TURNS) {
      const before = await life.appearance();
      const { how } = await life.interrupt(change, turns);
      demand(how !== 'late', `its handler did not end after its signal had told it to, while it changed ${change.what}`);
      // a change that is refused has changed nothing; after any other end the host gives the old configuration again
      if (how !== 'refused') demandTakenBack(await life.takeBack(change), change);
      demandSame(before, await life.appearance(), `after ${change.what} was interrupted and taken back`);
    }
  }
}

async function changeBackIn(life: ChangingLife, subject: PluginUnderCheck, change: LiveChange): Promise<void> {
  demandTakenBack(await life.change(changeBack(subject, change)), change);
}

function demandTakenBack({ how, message }: ChangeOutcome, { what }: LiveChange): void {
  demand(how === 'taken', `after ${what} it did not take back what it had: ${message}`);
}

function demandAnswered({ how, message }: ChangeOutcome, { what, wanted, config }: LiveChange): void {
  demand(config !== undefined, `${what} does not fit its schema: ${message}`);
  demand(how !== 'late', `its handler did not end while it changed ${what}`);
  demand(how !== 'failed', `it answered to ${what} with ${message}: take a change over whole, or throw RefusedError and change nothing`);
  demand(how !== 'unchanged', `${what} is what it has already: give other values`);
  demand(how !== 'restarted', `the host started it again for ${what}, and did not ask it: ${message}`);
  demand(wanted !== 'refused' || how !== 'taken', `it took ${what} over, which it was to refuse`);
  demand(wanted !== 'taken' || how === 'taken', `it refused ${what}, which it was to take over: ${message}`);
}

function demandSame(before: Appearance, after: Appearance, when: string): void {
  const difference = differenceOf(before, after);
  demand(difference === undefined, `${when} ${difference}`);
}
