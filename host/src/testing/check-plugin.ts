import { type IScalableSubsystem, isKind, messageOf, optionNames } from '@bellows/sdk';
import { checkPromises, checkSubsystem, demand } from '@bellows/sdk/testing';
import { jsonSchemaOf } from '../operations/operation-schemas.js';
import { hostileInputs, isPolluted, UNKNOWN_KEY, valuesOfOtherTypes } from './bad-input.js';
import { checkBusyChanges, checkChangesThereAndBack, checkInterruptedChanges, checkRefusedChanges } from './check-changes.js';
import {
  checkCodes,
  checkEvents,
  checkHandlers,
  checkHostile,
  checkMalformed,
  checkOperations,
  checkReadings,
  isWell,
} from './check-life.js';
import { demandTestOptions } from './demand-test-options.js';
import { HeapWatch, ROUNDS_FOR_HEAP } from './heap-watch.js';
import { propertiesOf } from './json-schema.js';
import { callAllAtOnce, leftInHost, livePlugin, type PluginLife, timersOn } from './plugin-life.js';
import { type CheckedPlugin, type CheckPluginOptions, PluginUnderCheck } from './plugin-under-check.js';
import { ProcessWatch } from './process-watch.js';
import { endsWithin, withRunningTime } from './running-time.js';
import { afterTurns } from './turns.js';

const OPTIONS = optionNames<CheckPluginOptions>({
  folder: true,
  config: true,
  configFolder: true,
  alongside: true,
  changes: true,
  refusedChanges: true,
  probe: true,
  rounds: true,
  activateTimeoutMs: true,
  stopTimeoutMs: true,
  callTimeoutMs: true,
  settleMs: true,
});
const ROUNDS = 100;
const MAX_LISTED = 5;
/** What a plugin listens to once, at its first call, is no leak. */
const MAX_LISTENERS_OF_CALLS = 1;
/** Turns of the event loop after which an activation is interrupted. */
const INTERRUPTED_AFTER_TURNS = [0, 1, 2, 5];

/**
 * Checks what is promised of every plugin, on test hosts of its own: its options, its start and stop, its operations against bad input,
 * its events, its subsystems, and that nothing stays behind. Resolves when all hold; rejects with `PluginError` (`CHECK_FAILED`) that
 * names the first broken promise, and with `InputError` (`TEST_OPTIONS_INVALID`) for unknown options. Needs no test runner.
 *
 * Operations are called with malformed and hostile input: one value is bad, and the other required ones are samples made from the
 * schema (its `examples` where it has some). One that takes such input as good does its work. With samples alone are called those of the
 * role `reader`, which change nothing. Errors nobody catches are seen in a plain
 * Node.js process; a test runner may have its own way with them. What others open in the process meanwhile and leave open is taken for
 * the plugin's: nothing else should run beside it. The same goes for what it changes of what all code of the process shares: environment,
 * working folder, globals, built-in classes. Files that stay open are seen on Linux, files that stay on disk nowhere.
 */
export async function checkPlugin(subject: CheckedPlugin, options: CheckPluginOptions = {}): Promise<void> {
  demandTestOptions('checkPlugin', options, OPTIONS);
  await using plugin = await PluginUnderCheck.load(subject, options);
  using watch = new ProcessWatch(options.settleMs);
  let seen: Promise<PluginLife> | undefined;
  // one life serves several promises: one for each would take its time
  const onLife = (check: (life: PluginLife) => void) => async () => {
    seen ??= livePlugin(plugin);
    check(await seen);
  };
  await checkPromises(plugin.name, {
    'its package, its manifest and its code agree': async () => demand(plugin.problems.length === 0, plugin.problems.join('; ')),
    'it takes its configuration, and says of each option what it is': async () => checkConfig(plugin),
    'it is active when its activation has ended': () => checkActivation(plugin),
    'an unknown option or a wrong value is refused by its path, and nothing is activated': () => checkRefusedConfig(plugin),
    'hostile options are taken or refused, and reach no further': async () => checkHostileConfig(plugin),
    'it provides operations under its own id, each with a summary and with schemas': onLife(checkOperations),
    'malformed input is refused as a fault of the caller': onLife(checkMalformed),
    'hostile input neither breaks it nor holds it up': onLife(checkHostile),
    'an operation that changes nothing answers what it said it would': onLife(checkReadings),
    'its errors have codes of its own table, of the host or of the SDK': onLife((life) => checkCodes(plugin, life)),
    'it publishes under its own id': onLife((life) => checkEvents(plugin, life)),
    'it takes the events it subscribed to': onLife(checkHandlers),
    'it stops within its time-out': onLife(({ isStopClean, stopped, trouble }) => demand(isStopClean, `${stopped.message}${trouble}`)),
    'nothing it provided answers after its stop': onLife(({ stillAnswering }) =>
      demand(stillAnswering.length === 0, `${stillAnswering.join(', ')} answered`),
    ),
    'a stop leaves nothing behind': async () => {
      demandNothing([...(await leftInHost(await plugin.start())), ...(await watch.leftovers())]);
      const { left, listenersOfCalls } = await (seen ??= livePlugin(plugin));
      for (const [name, count] of listenersOfCalls) {
        demand(count <= MAX_LISTENERS_OF_CALLS, `calls of ${name} that have ended left ${count} listeners on ctx.signal`);
      }
      demand(left.length === 0, `after its operations were called there is still ${listed(left)}`);
    },
    'a stop while it is called leaves nothing behind': () => checkBusyStop(plugin, watch),
    'its subsystems keep the promises of subsystems': () => checkSubsystems(plugin),
    'starting and stopping again and again leaves nothing behind': () => checkRounds(plugin, watch),
    'an activation that is interrupted leaves nothing behind': () => checkInterruption(plugin, watch),
    'it takes a change of its live options over, and back': () => checkChangesThereAndBack(plugin, watch),
    'calls that run while it changes come to an end': () => checkBusyChanges(plugin),
    'a change that it refuses changes nothing': () => checkRefusedChanges(plugin),
    'a change that is interrupted ends, and can be taken back': () => checkInterruptedChanges(plugin),
  });
}

function checkConfig({ plugin, config }: PluginUnderCheck): void {
  const parsed = plugin.config.safeParse(config);
  const faults = parsed.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];
  demand(parsed.success, `${JSON.stringify(config)} is refused: ${faults.join('; ')}`);
  const schema = jsonSchemaOf(plugin.config, 'input');
  demand(schema.type === 'object', 'its configuration is no object of options');
  for (const [key, { description, default: given }] of Object.entries(propertiesOf(schema))) {
    demand(typeof description === 'string' && description !== '', `the option ${key} has no description: use option() of the SDK`);
    if (given === undefined || Object.hasOwn(config, key)) continue;
    // said as an input, as it would stand in a file
    const [filled, said] = [parsed, plugin.config.safeParse({ ...config, [key]: given })].map((result) =>
      JSON.stringify(optionOf(result.data, key)),
    );
    demand(filled === said, `the default of ${key} is said to be ${JSON.stringify(given)} and is ${filled}`);
  }
}

function optionOf(data: unknown, key: string): unknown {
  return (data as Readonly<Record<string, unknown>> | undefined)?.[key];
}

/** Twice: what stays in its module after a stop must not be in the way of the next start. */
async function checkActivation(subject: PluginUnderCheck): Promise<void> {
  for (const when of ['', ' at its second start']) {
    const host = await subject.start();
    try {
      const status = host.wired.plugins.runner(subject.id)?.status ?? { state: 'missing', reason: '', message: '' };
      demand(isWell(status), `it is ${status.state}${when} (${status.reason}): ${status.message}`);
    } finally {
      await host.stop();
    }
  }
}

async function checkRefusedConfig(subject: PluginUnderCheck): Promise<void> {
  await demandRefused(subject, UNKNOWN_KEY, 1);
  for (const [key, property] of Object.entries(propertiesOf(jsonSchemaOf(subject.plugin.config, 'input')))) {
    const wrong = valuesOfOtherTypes(property);
    if (wrong.length === 0) continue;
    const refused = wrong.filter((value) => !subject.plugin.config.safeParse({ ...subject.config, [key]: value }).success);
    demand(refused.length > 0, `${key} takes ${JSON.stringify(wrong[0])}, which does not fit its own schema`);
    await demandRefused(subject, key, refused[0]);
  }
}

/** Only checked, never activated: what fits is not meant, and might be started in full. */
function checkHostileConfig({ plugin, config }: PluginUnderCheck): void {
  const hostile = hostileInputs(jsonSchemaOf(plugin.config, 'input'));
  for (const { what, input } of [
    ...hostile,
    ...[null, [], 'text', 42].map((value) => ({ what: JSON.stringify(value), input: value as unknown })),
  ]) {
    const given = typeof input === 'object' && input !== null && !Array.isArray(input) ? { ...config, ...input } : input;
    let isTaken = false;
    try {
      isTaken = plugin.config.safeParse(given).success;
    } catch (error) {
      demand(false, `its schema throws at ${what}: ${messageOf(error)}`);
    }
    demand(!isTaken || (typeof given === 'object' && given !== null && !Array.isArray(given)), `it takes ${what} for options`);
    demand(!isPolluted(), `${what} reached the prototype of all objects`);
  }
}

async function demandRefused(subject: PluginUnderCheck, key: string, value: unknown): Promise<void> {
  let isActivated = false;
  const shown = `${key} with ${JSON.stringify(value)}`;
  const onActivate = () => void (isActivated = true);
  const error = await subject.begin({ config: { ...subject.config, [key]: value }, onActivate }).then(
    (host) => host.stop().then(() => undefined),
    (reason: unknown) => reason,
  );
  demand(!isActivated, `${shown} activated it`);
  demand(isKind(error, 'config'), `${shown} was answered with ${error === undefined ? 'a start' : messageOf(error)}`);
  const paths = error.details?.map((detail) => detail.path) ?? [];
  const expected = `plugins.${subject.id}.config.${key}`;
  demand(
    paths.some((path) => path === expected || path.startsWith(`${expected}.`)),
    `${shown} was refused at ${paths.join(', ')}, not at ${expected}`,
  );
}

/** A handler that does not follow its signal goes on when its plugin has gone. */
async function checkBusyStop(subject: PluginUnderCheck, watch: ProcessWatch): Promise<void> {
  const host = await subject.start();
  void callAllAtOnce(host, subject);
  await afterTurns(1);
  const left = await leftInHost(host);
  const running = await subject.calls.leftAfter(watch.settleMs);
  demand(running.length === 0, `calls of ${listed(running)} still run: a handler ends when the signal of its call tells it to`);
  demandNothing([...left, ...(await watch.leftovers())]);
}

async function checkSubsystems(subject: PluginUnderCheck): Promise<void> {
  const hosts = new Map<IScalableSubsystem, Awaited<ReturnType<PluginUnderCheck['begin']>>>();
  const first = await subject.start();
  const names = first.wired.registry.entries().flatMap(({ plugin, subsystem }) => (plugin === subject.id ? [subsystem.name] : []));
  await first.stop();
  for (const name of names) {
    const make = async () => {
      const host = await subject.start();
      const found = host.wired.registry.entries().find(({ subsystem }) => subsystem.name === name)?.subsystem;
      if (found === undefined) {
        await host.stop();
        throw new Error(`${name} was there at the first start only`);
      }
      hosts.set(found, host);
      return found;
    };
    await checkSubsystem(make, { close: async (subsystem) => void (await hosts.get(subsystem)?.stop()) });
  }
}

async function checkRounds(subject: PluginUnderCheck, watch: ProcessWatch): Promise<void> {
  const { rounds = ROUNDS } = subject.options;
  demand(Number.isInteger(rounds) && rounds > 0, `it was to be started ${rounds} times: give a whole number of at least 1 as \`rounds\``);
  const heap = rounds < ROUNDS_FOR_HEAP ? undefined : new HeapWatch(rounds);
  for (let round = 1; round <= rounds; round += 1) {
    const left = await leftInHost(await subject.start());
    demand(left.length === 0, `after stop ${round} of ${rounds} there is ${listed(left)}`);
    await heap?.after(round);
  }
  demandNothing(await watch.leftovers());
  const kept = heap?.keptPerRound ?? 0;
  demand(kept === 0, `each start and stop keeps about ${Math.round(kept / 1024)} KiB of memory`);
}

async function checkInterruption(subject: PluginUnderCheck, watch: ProcessWatch): Promise<void> {
  for (const turns of INTERRUPTED_AFTER_TURNS) {
    const abort = new AbortController();
    let activation: Promise<void> | undefined;
    const onActivate = (begun: Promise<void>) => {
      activation = begun;
      void afterTurns(turns).then(() => abort.abort());
    };
    const left = await subject.begin({ signal: abort.signal, onActivate }).then(leftInHost, () => []);
    // it may go on for a while after it was told to end; what it takes then is given back at once
    const { activateTimeoutMs: timeoutMs } = subject;
    const isOver = await withRunningTime(subject.clock, () => endsWithin(timeoutMs, activation ?? Promise.resolve()));
    demand(isOver, `its activation did not end within ${timeoutMs} ms after ctx.signal had told it to`);
    demandNothing([...left, ...timersOn(subject.clock), ...(await watch.leftovers())]);
  }
}

function demandNothing(left: readonly string[]): void {
  demand(left.length === 0, `there is still ${listed(left)}`);
}

function listed(names: readonly string[]): string {
  const more = names.length - MAX_LISTED;
  return `${names.slice(0, MAX_LISTED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
