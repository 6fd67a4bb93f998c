import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {
  definePlugin,
  MemoryStore,
  NotReadyError,
  option,
  type Plugin,
  type PluginContext,
  RefusedError,
  seededRandom,
  silentLogger,
  z,
} from '@bellows/sdk';
import { FakeClock, RecordingBus } from '@bellows/sdk/testing';
import { afterAll } from '@jest/globals';
import { readConfigTree } from '../../src/config-file.js';
import { type WiredHost, wireHost } from '../../src/host-wiring.js';
import { loadPlugins } from '../../src/plugin-loader.js';
import type { NextConfig } from '../../src/reload/reloader.js';
import { TeardownStack } from '../../src/teardown.js';
import { TEST_MACHINE } from '../../src/testing/test-machine.js';
import { sourceOf } from '../../src/testing/test-plugin.js';
import { filesAreRead } from './files-are-read.js';

/**
 * `once`: the first activation with these options goes well, every later one throws. `crash`: an error that nobody awaits. `limp`: it says
 * that it works only in part.
 */
export const ACTIVATIONS = ['ok', 'once', 'throw', 'hang', 'notReady', 'crash', 'limp'] as const;
/** `wreck`: throws in the middle, and again when it is to take the old configuration back. */
export const TAKEOVERS = ['ok', 'refuse', 'throw', 'wreck', 'hang', 'crash'] as const;
/** `crash`: it leaves an error behind that nobody awaits. */
export const STOPS = ['ok', 'throw', 'hang', 'crash'] as const;

const schema = z.strictObject({
  warm: option(z.int().default(0), { what: 'Is taken over while it runs.', change: 'live' }),
  takeover: option(z.enum(TAKEOVERS).default('ok'), { what: 'How it takes a change.', change: 'live' }),
  cold: option(z.int().default(0), { what: 'Needs a restart.' }),
  activation: option(z.enum(ACTIVATIONS).default('ok'), { what: 'How it starts.' }),
  stop: option(z.enum(STOPS).default('ok'), { what: 'How it stops.' }),
  slowCallMs: option(z.int().default(0), { what: 'How long a call takes.' }),
  takesChanges: option(z.boolean().default(true), { what: 'Whether it registers a handler.' }),
});
export type Script = z.output<typeof schema>;

export interface ScriptedPlugin {
  readonly options?: Partial<Script>;
  /** Of which code it is. */
  readonly version?: number;
  readonly needs?: readonly string[];
  readonly required?: boolean;
}

/** By id. */
export type ScriptedConfig = Readonly<Record<string, ScriptedPlugin>>;

/** What one activation of a plugin has become. */
export interface Instance {
  readonly id: string;
  readonly version: string;
  readonly ctx: PluginContext<Script>;
  /** The two halves of what it took over last; a change in the middle of which it broke leaves them different. */
  first: Script;
  second: Script;
}

export interface ScriptedHost {
  readonly wired: WiredHost;
  readonly bus: RecordingBus;
  readonly clock: FakeClock;
  /** Every activation that got a context and has not been told to end. */
  alive(id?: string): readonly Instance[];
  /** Moves the clock until the promise has settled. */
  drive<T>(promise: Promise<T>): Promise<T>;
  /** The configuration that the next reload reads. */
  write(next: ScriptedConfig, host?: Readonly<Record<string, unknown>>): void;
  /** What the check of a plugin finds, by its id. */
  readonly faults: Map<string, string>;
  /** From now on no reload comes to the end of its reading. */
  holdReading(): void;
  stop(): Promise<boolean>;
}

const TIMEOUT_MS = 400;
const STEP_MS = 50;
/** Plugins are given a folder of their own in it. */
const folder = mkdtempSync(path.join(os.tmpdir(), 'bellows-scripted-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const MOST_STEPS = 10_000;

/** The real wiring around plugins that do what their options say. */
export async function startScriptedHost(config: ScriptedConfig): Promise<ScriptedHost> {
  const clock = new FakeClock();
  const logger = silentLogger;
  const teardown = new TeardownStack({ clock, logger });
  const instances: Instance[] = [];
  const seen = new Set<string>();
  const codes = new Map<string, Plugin>();
  const faults = new Map<string, string>();
  let wired: WiredHost | undefined;
  const crash = (id: string) => wired?.plugins.runner(id)?.degrade('UNCAUGHT_ERROR', `${id} broke`);
  const codeOf = (id: string, version: string) => {
    const key = `${id}@${version}`;
    const code = codes.get(key) ?? scripted({ id, version, instances, seen, crash, faults });
    codes.set(key, code);
    return code;
  };
  const read = (tree: { readonly plugins: ScriptedConfig; readonly host: Readonly<Record<string, unknown>> }) =>
    readScripted(tree, { codeOf, clock });
  let next = { plugins: config, host: {} as Readonly<Record<string, unknown>> };
  const { loaded, waves, problems } = await read(next);
  if (loaded === undefined || problems.length > 0) throw new Error(JSON.stringify(problems));
  let isHeld = false;
  let bus: RecordingBus | undefined;
  wired = await wireHost({
    loaded,
    waves,
    store: new MemoryStore(),
    logger,
    teardown,
    clock,
    random: seededRandom(1),
    machine: TEST_MACHINE,
    makeBus: (given) => (bus = new RecordingBus(given)),
    readNext: () => (isHeld ? new Promise<never>(() => {}) : read(next)),
  });
  const drive = async <T>(promise: Promise<T>): Promise<T> => {
    let isSettled = false;
    const note = () => void (isSettled = true);
    promise.then(note, note);
    for (let step = 0; !isSettled; step += 1) {
      if (step > MOST_STEPS) throw new Error('it does not come to an end');
      // to the disk the time of this clock means nothing
      await filesAreRead();
      await clock.advance(STEP_MS);
    }
    return promise;
  };
  await drive(wired.start());
  return {
    wired,
    bus: bus as unknown as RecordingBus,
    clock,
    drive,
    alive: (id) => instances.filter(({ ctx, id: own }) => !ctx.signal.aborted && (id === undefined || own === id)),
    write(plugins, host = {}) {
      next = { plugins, host };
    },
    faults,
    holdReading() {
      isHeld = true;
    },
    stop: () => drive(teardown.release(60_000)),
  };
}

interface Reading {
  /** What a plugin needs stands in its package: another need is another version. */
  readonly codeOf: (id: string, version: string) => Plugin;
  readonly clock: FakeClock;
}

async function readScripted(
  { plugins, host }: { readonly plugins: ScriptedConfig; readonly host: Readonly<Record<string, unknown>> },
  { codeOf, clock }: Reading,
): Promise<NextConfig> {
  const entries = Object.entries(plugins).map(([id, { options = {}, required = false }]) => {
    const entry = { from: `in memory: ${id}`, config: options, required, activateTimeoutMs: TIMEOUT_MS, stopTimeoutMs: TIMEOUT_MS };
    return [id, entry] as const;
  });
  const tree = structuredClone({
    ...host,
    host: { port: 0, dataDir: folder, ...(host.host as object) },
    plugins: Object.fromEntries(entries),
  });
  const place = { file: 'scripted.yaml', folder, problems: [], options: { env: {}, cwd: folder } };
  const { loaded, problems } = await readConfigTree({ tree, lineOf: () => undefined }, place);
  const given = new Map(
    Object.entries(plugins).map(([id, { version = 1, needs = [] }]) => [
      id,
      { source: sourceOf(id, needs), plugin: codeOf(id, `${version} needs ${needs}`) },
    ]),
  );
  const found = await loadPlugins(loaded, { stagingDir: folder, importModule: () => Promise.reject(new Error('nothing')), clock, given });
  return { loaded, waves: found.waves, problems: [...problems, ...found.problems] };
}

interface Making {
  readonly id: string;
  readonly version: string;
  readonly instances: Instance[];
  /** Which options of `once` were activated with before. */
  readonly seen: Set<string>;
  readonly crash: (id: string) => void;
  readonly faults: ReadonlyMap<string, string>;
}

function scripted({ id, version, instances, seen, crash, faults }: Making): Plugin {
  return definePlugin({
    id,
    config: schema,
    check: async () => [...faults].flatMap(([of, message]) => (of === id ? [{ path: `${id}.yaml:3`, message }] : [])),
    async activate(ctx) {
      const instance: Instance = { id, version, ctx, first: ctx.config, second: ctx.config };
      instances.push(instance);
      ctx.bus.subscribe('metrics', {}, () => {});
      ctx.own(ctx.clock.setRepeating(1_000, () => {}));
      ctx.operations.provide({
        name: `${id}.read`,
        summary: 'Answers the options in force.',
        input: z.unknown(),
        output: z.unknown(),
        async handler(_input, { signal }) {
          if (ctx.config.slowCallMs > 0) await ctx.clock.sleep(ctx.config.slowCallMs, signal);
          return instance.second;
        },
      });
      if (ctx.config.takesChanges)
        ctx.onReconfigure((change) => takeOver(instance, change.config, { crash, isBack: change.config === ctx.config }));
      ctx.own(() => {
        if (instance.second.stop === 'crash') setImmediate(() => setImmediate(() => crash(id)));
        if (instance.second.stop === 'throw') throw new Error('a stop that fails');
        return instance.second.stop === 'hang' ? new Promise<void>(() => {}) : undefined;
      });
      await begin(ctx, { seen, crash, key: `${id}@${version} ${JSON.stringify(ctx.config)}` });
    },
  }) as Plugin;
}

async function begin(
  { id, config, degrade }: PluginContext<Script>,
  { seen, crash, key }: { readonly seen: Set<string>; readonly crash: (id: string) => void; readonly key: string },
): Promise<void> {
  await Promise.resolve();
  const isFirst = !seen.has(key);
  seen.add(key);
  if (config.activation === 'throw' || (config.activation === 'once' && !isFirst)) throw new Error(`${id} does not start`);
  if (config.activation === 'notReady') throw new NotReadyError('SCRIPT_LATER', `${id} is not ready`, { retryAfterMs: 5_000 });
  if (config.activation === 'hang') await new Promise(() => {});
  if (config.activation === 'limp') degrade('SCRIPT_LIMPS', `${id} works only in part`);
  if (config.activation === 'crash') setImmediate(() => crash(id));
}

async function takeOver(
  instance: Instance,
  next: Script,
  { crash, isBack }: { readonly crash: (id: string) => void; readonly isBack: boolean },
): Promise<void> {
  const { takeover } = next;
  if (takeover === 'refuse') throw new RefusedError('SCRIPT_REFUSES', `${instance.id} refuses`);
  if (isBack && instance.first.takeover === 'wreck') throw new Error(`${instance.id} is wrecked`);
  instance.first = next;
  await Promise.resolve();
  if (takeover === 'throw' || takeover === 'wreck') throw new Error(`${instance.id} breaks in the middle`);
  if (takeover === 'hang') await new Promise(() => {});
  if (takeover === 'crash') setImmediate(() => crash(instance.id));
  instance.second = next;
}
