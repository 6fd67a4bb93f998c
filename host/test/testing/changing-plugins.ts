import { definePlugin, option, type Plugin, type PluginContext, type Reconfiguration, RefusedError, z } from '@bellows/sdk';
import type { BrokenPlugin } from './broken-plugins.js';

const config = z.strictObject({
  beatMs: option(z.int().min(10).max(10_000).default(1_000), { what: 'How long a beat lasts.', unit: 'ms', change: 'live' }),
  name: option(z.string().min(1).default('drum'), { what: 'Its name.', change: 'live' }),
  size: option(z.int().min(1).default(1), { what: 'How large it is.' }),
});
type Config = z.output<typeof config>;
type Change = Reconfiguration<Config>;

/** What a changing plugin is made of; a broken one does one of these otherwise. */
interface Drum {
  readonly ctx: PluginContext<Config>;
  beat(everyMs: number): void;
  name(name: string): void;
}

/** Beats, answers its name, and takes a change over by `apply`. */
function drum(apply: (change: Change, drum: Drum) => void | Promise<void>): Plugin {
  return definePlugin({
    id: 'drum',
    config,
    activate(ctx) {
      let name = ctx.config.name;
      let cancel = ctx.clock.setRepeating(ctx.config.beatMs, () => {});
      ctx.own(() => cancel());
      const parts: Drum = {
        ctx,
        beat(everyMs) {
          cancel();
          cancel = ctx.clock.setRepeating(everyMs, () => {});
        },
        name: (next) => void (name = next),
      };
      ctx.operations.provide({
        name: 'drum.name',
        summary: 'Tells its name.',
        input: z.strictObject({ after: z.string().optional() }),
        output: z.strictObject({ name: z.string() }),
        handler: async () => ({ name }),
      });
      ctx.onReconfigure((change) => apply(change, parts));
    },
  });
}

function refuseNoise({ config: { name } }: Change): void {
  if (name === 'noise') throw new RefusedError('RECONFIGURE_REFUSED', 'a drum is not called noise');
}

function takeOver({ config: { beatMs, name: next } }: Change, { beat, name }: Drum): void {
  beat(beatMs);
  name(next);
}

export const changingOptions = {
  changes: [{ name: 'bass' }],
  refusedChanges: [{ name: 'noise', beatMs: 500 }],
  probe: { operation: 'drum.name', input: {} },
};

/** Takes over whole or refuses before it touches anything. */
export const goodDrum = drum((change, parts) => {
  refuseNoise(change);
  takeOver(change, parts);
});

/** Needs a few turns, and lets itself be told to end before the last one. */
export const patientDrum = drum(async (change, parts) => {
  refuseNoise(change);
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    change.signal.throwIfAborted();
  }
  takeOver(change, parts);
});

const options = { ...changingOptions, rounds: 2, activateTimeoutMs: 50, stopTimeoutMs: 50 };
const never = () => new Promise<void>(() => {});
const THERE = 'it takes a change of its live options';
const BUSY = 'calls that run while it changes';
const REFUSED = 'a change that it refuses';
const INTERRUPTED = 'a change that is interrupted';

/** Takes calls that end when they are told to, and forgets those that run when it changes. */
function forgetsCalls(): Plugin {
  return definePlugin({
    id: 'drum',
    config,
    activate(ctx) {
      let isForgetting = false;
      ctx.operations.provide({
        name: 'drum.roll',
        summary: 'Rolls for some turns.',
        input: z.strictObject({ after: z.string().optional() }),
        output: z.strictObject({}),
        async handler() {
          for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
          if (isForgetting) throw new TypeError('no drum');
          return {};
        },
      });
      ctx.onReconfigure(async () => {
        isForgetting = true;
        for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        isForgetting = false;
      });
    },
  });
}

export const CHANGING: Readonly<Record<string, BrokenPlugin>> = {
  'marks nothing as live and takes changes': {
    promise: THERE,
    plugin: definePlugin({ id: 'still', config: z.strictObject({}), activate: (ctx) => ctx.onReconfigure(() => {}) }),
  },
  'is given changes and takes none': {
    promise: THERE,
    plugin: definePlugin({ id: 'still', config, activate() {} }),
    options: { changes: [{ name: 'bass' }] },
  },
  'takes a change and does nothing about it': {
    promise: THERE,
    plugin: drum((change) => refuseNoise(change)),
    options,
  },
  'refuses what it was to take over': {
    promise: THERE,
    plugin: goodDrum,
    options: { ...options, changes: [{ name: 'bass' }, { name: 'noise' }] },
  },
  'has a check that does not let a change through': {
    promise: THERE,
    plugin: { ...goodDrum, check: async (given) => ((given as Config).name === 'bass' ? [{ path: 'name', message: 'no bass' }] : []) },
    options,
  },
  'has not marked what it takes over': {
    promise: THERE,
    plugin: goodDrum,
    options: { ...options, changes: [{ size: 2 }] },
  },
  'is to change to what it is': {
    promise: THERE,
    plugin: goodDrum,
    options: { ...options, changes: [{ name: 'drum' }] },
  },
  'does not answer its probe': {
    promise: THERE,
    plugin: goodDrum,
    options: { ...options, probe: { operation: 'drum.name', input: { befor: 'now' } } },
  },
  'leaves a timer at each change': {
    promise: THERE,
    plugin: drum((change, { ctx }) => {
      refuseNoise(change);
      ctx.own(ctx.clock.setRepeating(change.config.beatMs, () => {}));
    }),
    options,
  },
  'leaves a listener on its signal at each change': {
    promise: THERE,
    plugin: drum((change, { ctx }) => {
      refuseNoise(change);
      ctx.signal.addEventListener('abort', () => {});
    }),
    options,
  },
  'throws half-way': {
    promise: THERE,
    plugin: drum((change, { beat }) => {
      beat(change.config.beatMs);
      throw new TypeError('no sticks');
    }),
    options,
  },
  'hangs while it changes': { promise: THERE, plugin: drum(never), options },
  'does not take back what it had': {
    promise: THERE,
    plugin: drum(({ config: next, previous }, { beat }) => {
      if (next.beatMs < previous.beatMs) throw new RefusedError('RECONFIGURE_REFUSED', 'it only gets slower');
      beat(next.beatMs);
    }),
    options,
  },
  'lets calls down while it changes': {
    promise: BUSY,
    plugin: forgetsCalls(),
    options: { rounds: 2 },
  },
  'takes over what it was to refuse': {
    promise: REFUSED,
    plugin: drum(takeOver),
    options,
  },
  'is to refuse what never reaches it': {
    promise: REFUSED,
    plugin: goodDrum,
    options: { ...options, refusedChanges: [{ nmae: 'noise' }] },
  },
  'refuses after it has changed': {
    promise: REFUSED,
    plugin: drum((change, { name }) => {
      name(change.config.name);
      refuseNoise(change);
    }),
    options,
  },
  'does not hear that its change is to end': {
    promise: INTERRUPTED,
    plugin: drum(async (change, parts) => {
      refuseNoise(change);
      await new Promise((resolve) => setImmediate(resolve));
      if (change.signal.aborted) await never();
      takeOver(change, parts);
    }),
    options,
  },
  'keeps half of a change that was interrupted': {
    promise: INTERRUPTED,
    plugin: drum(async (change, parts) => {
      refuseNoise(change);
      await new Promise((resolve) => setImmediate(resolve));
      if (change.signal.aborted) parts.ctx.own(parts.ctx.clock.setRepeating(1_000, () => {}));
      change.signal.throwIfAborted();
      takeOver(change, parts);
    }),
    options,
  },
};
