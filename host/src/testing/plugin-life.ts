import { getEventListeners } from 'node:events';
import { type BusEvent, isBellowsError, isKind, type OperationInfo, type PluginStatus } from '@bellows/sdk';
import type { FakeClock, HandlerFailure } from '@bellows/sdk/testing';
import { type BadInput, hostileInputs, malformedInputs } from './bad-input.js';
import type { LaunchedHost } from './launch-test-host.js';
import type { PluginUnderCheck } from './plugin-under-check.js';
import { endsWithin, withRunningTime } from './running-time.js';
import { sampleInput } from './sample-input.js';
import { unsayableTypes } from './unsayable.js';

const CALL_TIMEOUT_MS = 5_000;

/** What came of one call. */
export interface Answer {
  readonly operation: string;
  readonly what: string;
  readonly isMalformed: boolean;
  /** Undefined when it was accepted. */
  readonly error?: unknown;
  readonly isLate: boolean;
}

/** What was seen of a plugin between its start and its stop. */
export interface PluginLife {
  readonly operations: readonly OperationInfo[];
  /** Operations that are there and are neither its own nor those of whom it needs. */
  readonly foreignOperations: readonly string[];
  /** By operation: where its answers hold what JSON cannot. */
  readonly unsayableAnswers: ReadonlyMap<string, readonly string[]>;
  readonly answers: readonly Answer[];
  /** What came of good input, for those that change nothing. */
  readonly readings: readonly Answer[];
  /** After all these calls. */
  readonly called: PluginStatus;
  /** By operation: how many more listeners `ctx.signal` had when its calls had ended. */
  readonly listenersOfCalls: ReadonlyMap<string, number>;
  readonly events: readonly BusEvent[];
  /** What handlers of events threw that are not those of whom it needs. */
  readonly handlerFailures: readonly HandlerFailure[];
  readonly stopped: PluginStatus;
  readonly isStopClean: boolean;
  /** What the log has of warnings and errors until then, each after a semicolon. */
  readonly trouble: string;
  /** Operations that answered when it had stopped and the host had not. */
  readonly stillAnswering: readonly string[];
  /** What a stop left in the host after all these calls. */
  readonly left: readonly string[];
}

/** One life from start to stop, with every operation called in ways it was not meant for. */
export async function livePlugin(subject: PluginUnderCheck): Promise<PluginLife> {
  let signal: AbortSignal | undefined;
  const host = await subject.start({ onContext: (ctx) => (signal = ctx.signal) });
  const listening = () => (signal === undefined ? 0 : getEventListeners(signal, 'abort').length);
  const { id, calls } = subject;
  const { wired, bus, clock } = host;
  try {
    const status = () => wired.plugins.runner(id)?.status as PluginStatus;
    const all = wired.operations.list();
    const others = wired.plugins.statuses().map((other) => other.id);
    const operations = all.filter(({ plugin }) => plugin === id);
    const isOfOthers = (owner: string) => owner !== id && others.includes(owner);
    const foreignOperations = all.filter(({ plugin }) => !others.includes(plugin)).map(({ name }) => name);
    const unsayableAnswers = new Map(calls.provided.map(({ name, output }) => [name, unsayableTypes(output)] as const));
    const answers: Answer[] = [];
    const readings: Answer[] = [];
    const listenersOfCalls = new Map<string, number>();
    for (const operation of operations) {
      const before = listening();
      answers.push(...(await callBadly(operation, { host, subject })));
      if (changesNothing(operation)) readings.push(...(await callWell(operation, { host, subject })));
      listenersOfCalls.set(operation.name, listening() - before);
    }
    await bus.idle();
    const called = status();
    const isStopClean = await withRunningTime(clock, () => wired.plugins.stop('CHECK'));
    const { trouble } = subject;
    const stillAnswering = await answering(host, operations);
    return {
      operations,
      foreignOperations,
      unsayableAnswers,
      answers,
      readings,
      called,
      listenersOfCalls,
      events: [...bus.events],
      handlerFailures: bus.failures.filter(({ owner }) => !isOfOthers(owner)),
      stopped: status(),
      isStopClean,
      trouble,
      stillAnswering,
      left: await leftInHost(host),
    };
  } finally {
    await host.stop();
  }
}

/**
 * Begins calls of every operation with hostile input, and with good input of those that change nothing: hostile input never reaches a
 * handler that takes nothing. Each promise answers the error of its call, and never rejects.
 */
export function callAllAtOnce({ wired }: LaunchedHost<FakeClock>, { id }: PluginUnderCheck): readonly Promise<unknown>[] {
  const own = wired.operations.list().filter(({ plugin }) => plugin === id);
  return own.flatMap((operation) => {
    const inputs = hostileInputs(operation.input).map(({ input }) => input);
    if (changesNothing(operation)) inputs.push(sampleInput(operation.input));
    return inputs.map((input) =>
      wired.operations.call(operation.name, input).then(
        () => undefined,
        (error: unknown) => error,
      ),
    );
  });
}

/** What a plugin that has stopped left in the host; and then in the clock, when the host has stopped too. */
export async function leftInHost(host: LaunchedHost<FakeClock>): Promise<readonly string[]> {
  const { wired, bus, clock } = host;
  await withRunningTime(clock, () => wired.plugins.stop('CHECK'));
  const subscriptions = bus.subscriptions.map(({ topic }) => `a subscription to ${topic}`);
  const subsystems = wired.registry.entries().map(({ subsystem }) => `the subsystem ${subsystem.name}`);
  await host.stop();
  return [...subscriptions, ...subsystems, ...timersOn(clock)];
}

/** A line when a clock has timers that nobody cancelled. */
export function timersOn({ pending }: FakeClock): readonly string[] {
  if (pending === 0) return [];
  return [pending === 1 ? 'a timer on its clock' : `${pending} timers on its clock`];
}

/** Of those it had and those it may have added while it stopped. */
async function answering({ wired }: LaunchedHost<FakeClock>, operations: readonly OperationInfo[]): Promise<readonly string[]> {
  const names = new Set([...operations, ...wired.operations.list()].map(({ name }) => name));
  const found: string[] = [];
  for (const name of names) {
    const error = await wired.operations.call(name, null).catch((reason: unknown) => reason);
    if (!isKind(error, 'not_found') && !isKind(error, 'not_ready')) found.push(name);
  }
  return found;
}

interface CallPlace {
  readonly host: LaunchedHost<FakeClock>;
  readonly subject: PluginUnderCheck;
}

async function callBadly(operation: OperationInfo, place: CallPlace): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  const callAll = async (bad: readonly BadInput[], isMalformed: boolean) => {
    for (const one of bad) answers.push({ ...(await answerTo(one, operation, place)), isMalformed });
  };
  await callAll(malformedInputs(operation.input), true);
  await callAll(hostileInputs(operation.input), false);
  return answers;
}

/** Several times, unless it waits: what only the first call of an operation leaves is no fault, what each leaves is. */
async function callWell(operation: OperationInfo, place: CallPlace): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  const input = sampleInput(operation.input);
  while (answers.length < GOOD_CALLS && !answers.at(-1)?.isLate) {
    answers.push({ ...(await answerTo({ what: JSON.stringify(input), input }, operation, place)), isMalformed: false });
  }
  return answers;
}

const GOOD_CALLS = 3;

/** What may be called with good input though nobody asked for it. */
function changesNothing({ role, runsCommands }: OperationInfo): boolean {
  return role === 'reader' && !runsCommands;
}

async function answerTo(
  { what, input }: BadInput,
  { name }: OperationInfo,
  { host, subject }: CallPlace,
): Promise<Omit<Answer, 'isMalformed'>> {
  const abort = new AbortController();
  let error: unknown;
  const call = host.wired.operations.call(name, input, { signal: abort.signal }).catch((reason: unknown) => void (error = reason));
  const timeoutMs = subject.options.callTimeoutMs ?? CALL_TIMEOUT_MS;
  const isLate = !(await withRunningTime(host.clock, () => endsWithin(timeoutMs, call)));
  abort.abort();
  return { operation: name, what, isLate, ...(error === undefined ? {} : { error }) };
}

/** Whoever called got something that says who has to act, and that is not the plugin's author or the host's. */
export function isCallersBusiness(error: unknown): boolean {
  return isBellowsError(error) && error.kind !== 'plugin' && error.kind !== 'invariant';
}
