import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {
  ConfigError,
  definePlugin,
  type ErrorDetail,
  MemoryStore,
  NotReadyError,
  option,
  type PluginContext,
  type Reconfiguration,
  RefusedError,
  seededRandom,
  silentLogger,
  z,
} from '@bellows/sdk';
import { FakeClock, RecordingBus } from '@bellows/sdk/testing';
import { type LoadedConfig, readConfigTree } from '../../src/config-file.js';
import { type WiredHost, wireHost } from '../../src/host-wiring.js';
import { loadPlugins } from '../../src/plugin-loader.js';
import type { NextConfig } from '../../src/reload/reloader.js';
import { TeardownStack } from '../../src/teardown.js';
import { TEST_MACHINE } from '../../src/testing/test-machine.js';

/** What a plugin does when it is asked for something. `loose`: it takes it, and an error that nobody awaits comes with it. */
export const BEHAVIOURS = ['accept', 'refuse', 'throw', 'hang', 'not-ready', 'loose', 'half'] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

/** One plugin of a configuration, and how it behaves towards it. */
export interface ScriptedPlugin {
  readonly id: string;
  readonly version: number;
  readonly needs: readonly string[];
  readonly required: boolean;
  readonly live: number;
  readonly hard: number;
  readonly onActivate: Behaviour;
  readonly onReconfigure: Behaviour;
  /** Whether it takes live changes at all. */
  readonly takesLive: boolean;
}

/** How a test and the plugins that were started know of each other. */
export interface Witness {
  /** What each running plugin works with, as it says itself: two halves, so that a half-applied change shows. */
  readonly inForce: Map<string, { live: number; hard: number; twin: number }>;
  /** Resources of plugins that were taken and not given back. */
  open: number;
  behaviourOf(id: string): Pick<ScriptedPlugin, 'onActivate' | 'onReconfigure'>;
  /** What reaches the process where nobody catches it, by plugin. */
  readonly loose: string[];
  report(id: string, error: Error): void;
}

const TIMEOUT_MS = 1_000;

/** A host whose plugins follow a script, under a clock that moves only when told. */
export async function scriptedHost(first: readonly ScriptedPlugin[]) {
  const clock = new FakeClock();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'bellows-reload-'));
  const teardown = new TeardownStack({ clock, logger: silentLogger });
  teardown.add(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  let script = first;
  let problems: readonly ErrorDetail[] = [];
  let wired: WiredHost | undefined;
  const witness: Witness = {
    inForce: new Map(),
    open: 0,
    loose: [],
    behaviourOf: (id) => script.find((one) => one.id === id) ?? ACCEPTS,
    report(id, error) {
      witness.loose.push(id);
      wired?.plugins.runner(id)?.degrade('UNCAUGHT_ERROR', error.message);
    },
  };
  /** The same code is the same object, as with `import()`. */
  const codes = new Map<string, ReturnType<typeof codeOf>>();
  const read = async (): Promise<NextConfig> => {
    const { loaded, result } = await load(script, { folder, clock, codes, witness });
    return { loaded, waves: result.waves, problems: [...problems, ...result.problems] };
  };
  const { loaded, waves } = await read();
  let bus: RecordingBus | undefined;
  wired = await wireHost({
    loaded: loaded as LoadedConfig,
    waves,
    store: new MemoryStore(),
    logger: silentLogger,
    teardown,
    clock,
    random: seededRandom(1),
    machine: TEST_MACHINE,
    readNext: read,
    makeBus: (given) => (bus = new RecordingBus(given)),
  });
  await settled(clock, wired.start());
  return {
    clock,
    bus: bus as unknown as RecordingBus,
    witness,
    wired,
    settled: <T>(phase: Promise<T>) => settled(clock, phase),
    /** What the next reload finds. */
    write(next: readonly ScriptedPlugin[], faults: readonly ErrorDetail[] = []) {
      script = next;
      problems = faults;
    },
    stop: () => settled(clock, teardown.release(60_000)),
  };
}

export type ScriptedHost = Awaited<ReturnType<typeof scriptedHost>>;

const ACCEPTS = { onActivate: 'accept', onReconfigure: 'accept' } as const;

interface Loading {
  readonly folder: string;
  readonly clock: FakeClock;
  readonly codes: Map<string, ReturnType<typeof codeOf>>;
  readonly witness: Witness;
}

async function load(script: readonly ScriptedPlugin[], { folder, clock, codes, witness }: Loading) {
  const tree = {
    host: { port: 0, dataDir: path.join(folder, 'data') },
    plugins: Object.fromEntries(
      script.map(({ id, required, live, hard }) => [
        id,
        { from: './x', required, activateTimeoutMs: TIMEOUT_MS, stopTimeoutMs: TIMEOUT_MS, config: { live, hard } },
      ]),
    ),
  };
  const place = { file: 'bellows.yaml', folder, problems: [], options: { env: {}, cwd: folder } };
  const { loaded } = await readConfigTree({ tree, lineOf: () => undefined }, place);
  const given = new Map(
    script.map(({ id, version, needs, takesLive }) => {
      const key = `${id} ${version} ${takesLive}`;
      const code = codes.get(key) ?? codeOf(id, takesLive, witness);
      codes.set(key, code);
      const manifest = { id, version: `${version}.0.0`, sdk: '^0.1.0', needs: [...needs], stability: 'stable' as const };
      return [id, { plugin: code, source: { key: id, from: './x', folder, manifest, packageJson: { name: id } } }] as const;
    }),
  );
  const loading = loadPlugins(loaded, { stagingDir: path.join(folder, 'staging'), importModule: () => Promise.reject(), clock, given });
  return { loaded, result: await loading };
}

const schema = z.strictObject({
  live: option(z.number(), { what: 'Changes live.', change: 'live' }),
  hard: option(z.number(), { what: 'Needs a restart.', change: 'restart' }),
});

function codeOf(id: string, takesLive: boolean, witness: Witness) {
  return definePlugin({
    id,
    config: schema,
    async activate(ctx) {
      witness.open += 1;
      ctx.own(() => {
        witness.open -= 1;
        witness.inForce.delete(id);
      });
      await behave(witness.behaviourOf(id).onActivate, { id, ctx, witness });
      witness.inForce.set(id, { ...ctx.config, twin: ctx.config.live });
      ctx.operations.provide({
        name: `${id}.ask`,
        summary: 'Answers what is in force.',
        input: z.strictObject({}),
        output: z.number(),
        handler: async () => witness.inForce.get(id)?.live ?? -1,
      });
      if (takesLive) ctx.onReconfigure((change) => reconfigure(change, { id, ctx, witness }));
    },
  });
}

interface Asked {
  readonly id: string;
  readonly ctx: PluginContext;
  readonly witness: Witness;
}

async function reconfigure({ config, signal }: Reconfiguration<z.output<typeof schema>>, asked: Asked): Promise<void> {
  const { id, witness } = asked;
  const now = witness.inForce.get(id);
  if (now === undefined) throw new Error('it does not run');
  const { onReconfigure } = witness.behaviourOf(id);
  if (onReconfigure === 'half') now.live = config.live;
  await behave(onReconfigure, { ...asked, signal });
  now.live = config.live;
  now.twin = config.live;
}

async function behave(behaviour: Behaviour, { id, witness, signal }: Asked & { readonly signal?: AbortSignal }): Promise<void> {
  switch (behaviour) {
    case 'accept':
      return;
    case 'refuse':
      if (signal === undefined) throw new ConfigError('CONFIG_UNUSABLE', 'cannot work with that');
      throw new RefusedError('RECONFIGURE_REFUSED', 'not now');
    case 'throw':
    case 'half':
      throw new Error('broken in the middle');
    case 'hang':
      return new Promise(() => {});
    case 'not-ready':
      throw new NotReadyError('STORE_UNREACHABLE', 'what it needs is not there', { retryAfterMs: 10_000 });
    case 'loose':
      setImmediate(() => witness.report(id, new Error('nobody awaits this')));
  }
}

/** Moves the clock until the phase is over: every wait in here has a time-out. */
async function settled<T>(clock: FakeClock, phase: Promise<T>): Promise<T> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  phase.then(end, end);
  for (let step = 0; step < MAX_STEPS && !isOver; step += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    // work with files takes real time: the clock stands still for most of the steps
    if (!isOver && step % 20 === 19) await clock.advance(TIMEOUT_MS / 4);
  }
  if (!isOver) throw new Error('it did not come to an end');
  return phase;
}

const MAX_STEPS = 20_000;
