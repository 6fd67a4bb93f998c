import {
  type BackpressureState,
  DEFAULT_SCALING_LIMITS,
  defineErrorCodes,
  definePlugin,
  InputError,
  type IScalableSubsystem,
  limitProblems,
  minLimits,
  option,
  type Plugin,
  type PluginContext,
  PluginError,
  REQUIRED_METRIC_KEYS,
  RefusedError,
  type ScalingLimits,
  type ScalingMetrics,
  TOKENS,
  z,
} from '@bellows/sdk';
import type { CheckPluginOptions } from '../../src/testing/index.js';

const config = z.strictObject({
  greeting: option(z.string().min(1).default('Hello'), { what: 'The word before the name.' }),
  words: option(z.array(z.string()).default([]), { what: 'More of them.' }),
});

export const ERROR_CODES = defineErrorCodes({ NAME_ODD: { kind: 'input', text: 'The name is odd. Use another one.' } });

class GoodSubsystem implements IScalableSubsystem {
  readonly name = 'sample.pool';
  #limits: ScalingLimits = DEFAULT_SCALING_LIMITS;

  get currentLimits(): ScalingLimits {
    return { ...this.#limits };
  }

  get currentBackpressureState(): BackpressureState {
    return 'normal';
  }

  getScalingMetrics(): ScalingMetrics {
    return Object.fromEntries(REQUIRED_METRIC_KEYS.map((key) => [key, 0])) as ScalingMetrics;
  }

  async reconfigureLimits(limits: ScalingLimits): Promise<void> {
    const problems = limitProblems(limits);
    if (problems.length > 0) throw new RefusedError('RECONFIGURE_REFUSED', problems.join());
    this.#limits = minLimits(limits, DEFAULT_SCALING_LIMITS);
  }
}

type Context = PluginContext<z.output<typeof config>>;

const greet = {
  name: 'sample.greet',
  summary: 'Greets somebody.',
  input: z.strictObject({ name: z.string().min(1) }),
  output: z.strictObject({ greeting: z.string() }),
  handler: async ({ name }: { readonly name: string }) => {
    if (name.includes('\u0000')) throw new InputError('NAME_ODD', 'The name is odd: use another one.');
    return { greeting: `Hello, ${name}` };
  },
};

/** Keeps every promise, with all that a plugin may have. */
function activateWell(ctx: Context): void {
  ctx.own(ctx.clock.setRepeating(1_000, () => {}));
  ctx.bus.subscribe('metrics', {}, () => {});
  ctx.registerSubsystem(new GoodSubsystem());
  ctx.operations.provide(greet);
  ctx.bus.publish({ topic: 'sample.ready', payload: {} });
}

/** The good plugin, doing this too. */
export function sample(more: (ctx: Context) => unknown, over: Partial<Parameters<typeof definePlugin<typeof config>>[0]> = {}): Plugin {
  return definePlugin({
    id: 'sample',
    config,
    async activate(ctx) {
      activateWell(ctx);
      await more(ctx);
    },
    ...over,
  });
}

export const goodPlugin = sample(() => {});

export interface BrokenPlugin {
  /** The beginning of the promise that it breaks. */
  readonly promise: string;
  readonly plugin: Plugin | { readonly default: Plugin };
  readonly options?: CheckPluginOptions;
  /** Takes back what the plugin has left in this process. */
  clean?(): void;
}

export const withOperation = (over: Partial<Parameters<PluginContext['operations']['provide']>[0]>) =>
  sample((ctx) => void ctx.operations.provide({ ...greet, name: 'sample.other', ...over } as typeof greet));
const onProcess = () => {};
const left: Disposable[] = [];
const hop = () => new Promise((resolve) => setImmediate(resolve));

export const BROKEN: Readonly<Record<string, BrokenPlugin>> = {
  'has no definePlugin': { promise: 'its package', plugin: { default: { id: 'sample' } as unknown as Plugin } },
  'has options without words': {
    promise: 'it takes its configuration',
    plugin: sample(() => {}, { config: z.strictObject({ greeting: z.string().default('Hi') }) as unknown as typeof config }),
  },
  'does not take what it is given': { promise: 'it takes its configuration', plugin: goodPlugin, options: { config: { greeting: '' } } },
  'says another default than it has': {
    promise: 'it takes its configuration',
    plugin: sample(() => {}, {
      config: config.extend({
        greeting: config.shape.greeting.meta({ description: 'A word.', default: 'Hi' }),
      }) as unknown as typeof config,
    }),
  },
  'takes options it does not know': {
    promise: 'an unknown option',
    plugin: sample(() => {}, { config: z.looseObject(config.shape) as unknown as typeof config }),
  },
  'takes wrong values of an option': {
    promise: 'an unknown option',
    plugin: sample(() => {}, {
      config: config.extend({ greeting: option(z.coerce.string().default('Hi'), { what: 'A word.' }) }) as unknown as typeof config,
    }),
  },
  'fails when it is activated': {
    promise: 'it is active',
    plugin: sample(() => {
      throw new Error('no luck');
    }),
  },
  'is never ready': {
    promise: 'it is active',
    plugin: sample(() => new Promise(() => {})),
    options: { activateTimeoutMs: 20 },
  },
  'registers a subsystem of another plugin': {
    promise: 'it is active',
    plugin: sample((ctx) => ctx.registerSubsystem(Object.assign(new GoodSubsystem(), { name: 'other.pool' }))),
  },
  'provides an operation of another plugin': { promise: 'it is active', plugin: withOperation({ name: 'other.greet' }) },
  'takes a list for options': {
    promise: 'hostile options',
    plugin: sample(() => {}, {
      config: z.preprocess((value) => (Array.isArray(value) ? {} : value), config) as unknown as typeof config,
    }),
  },
  'has a schema that throws at a long text': {
    promise: 'hostile options',
    plugin: sample(() => {}, {
      config: config.extend({
        greeting: config.shape.greeting.refine((text) => {
          if (text.length > 1_000) throw new RangeError('too much');
          return true;
        }),
      }) as unknown as typeof config,
    }),
  },
  'listens to its signal at each call': {
    promise: 'a stop leaves nothing',
    plugin: sample((ctx) =>
      ctx.operations.provide({
        ...greet,
        name: 'sample.listen',
        async handler({ name }: { readonly name: string }) {
          ctx.signal.addEventListener('abort', () => {});
          return { greeting: name };
        },
      }),
    ),
  },
  'keeps memory at each start': {
    promise: 'starting and stopping again',
    plugin: (() => {
      const hoard: unknown[] = [];
      return sample((ctx) => void hoard.push([ctx.id, new Array(8_192).fill(hoard.length)]));
    })(),
    options: { rounds: 50 },
  },
  'is to be started no number of times': { promise: 'starting and stopping again', plugin: goodPlugin, options: { rounds: Number.NaN } },
  'provides an operation of the host': {
    promise: 'it provides operations',
    plugin: sample((ctx) => ctx.own(ctx.get(TOKENS.Operations).provide({ ...greet, name: 'host.greet' }))),
  },
  'has an operation without a summary': { promise: 'it provides operations', plugin: withOperation({ summary: ' ' }) },
  'has an operation without an input schema': { promise: 'it provides operations', plugin: withOperation({ input: z.unknown() }) },
  'has an operation without an output schema': { promise: 'it provides operations', plugin: withOperation({ output: z.any() }) },
  'takes keys it does not know': { promise: 'malformed input', plugin: withOperation({ input: z.looseObject({}) }) },
  'lets a wrong type through to its handler': {
    promise: 'malformed input',
    plugin: withOperation({ input: z.strictObject({ name: z.string() }).catch({ name: '' }) }),
  },
  'crashes on a long text': {
    promise: 'hostile input',
    plugin: withOperation({
      async handler({ name }: { readonly name: string }) {
        if (name.length > 1_000) throw new TypeError('too much');
        return { greeting: name };
      },
    } as object),
  },
  'hangs on a long text': {
    promise: 'hostile input',
    plugin: withOperation({
      handler: ({ name }: { readonly name: string }) => (name.length > 1_000 ? new Promise(() => {}) : Promise.resolve({ greeting: name })),
    } as object),
    options: { callTimeoutMs: 50, stopTimeoutMs: 50 },
  },
  'merges its input into prototypes': {
    promise: 'hostile input',
    plugin: withOperation({
      input: z.strictObject({ data: z.custom<object>((value) => typeof value === 'object' && value !== null).optional() }),
      async handler({ data = {} }: { readonly data?: object }) {
        Object.assign(Object.getPrototypeOf({}), Object.getOwnPropertyDescriptor(data, 'constructor')?.value?.prototype);
        return { greeting: '' };
      },
    } as object),
    clean: () => void Reflect.deleteProperty(Object.prototype, 'polluted'),
  },
  'has an error that no table explains': {
    promise: 'its errors have codes',
    plugin: {
      default: withOperation({
        async handler() {
          throw new InputError('NAME_STRANGE', 'strange');
        },
      }),
      ERROR_CODES,
    } as { readonly default: Plugin },
  },
  'publishes a topic of another plugin': {
    promise: 'it publishes',
    plugin: sample((ctx) => ctx.bus.publish({ topic: 'other.ready', payload: {} })),
  },
  'publishes as the host': {
    promise: 'it publishes',
    plugin: sample((ctx) => ctx.get(TOKENS.Bus).publish({ topic: 'sample.ready', payload: {} })),
  },
  'has a subsystem that ignores its limits': {
    promise: 'its subsystems',
    plugin: sample((ctx) =>
      ctx.registerSubsystem(Object.assign(new GoodSubsystem(), { name: 'sample.other', async reconfigureLimits() {} })),
    ),
  },
  'does not let go': {
    promise: 'it stops',
    plugin: sample((ctx) => void ctx.own(() => new Promise<void>(() => {}))),
    options: { stopTimeoutMs: 20 },
  },
  'throws when it stops': {
    promise: 'it stops',
    plugin: sample(
      (ctx) =>
        void ctx.own(() => {
          throw new PluginError('STOP_FAILED', 'cannot stop');
        }),
    ),
  },
  'offers its work after its stop': {
    promise: 'nothing it provided answers',
    plugin: sample((ctx) => {
      const operations = ctx.get(TOKENS.Operations);
      // taken back with the others of the host, which comes later
      ctx.own(() => void operations.provide({ ...greet, name: 'host.sample' }));
    }),
  },
  'leaves a subscription': {
    promise: 'a stop leaves nothing',
    plugin: sample((ctx) => ctx.get(TOKENS.Bus).subscribe('metrics', {}, () => {})),
  },
  'leaves a timer on the clock': { promise: 'a stop leaves nothing', plugin: sample((ctx) => ctx.clock.setRepeating(1_000, () => {})) },
  'leaves a listener on the process': {
    promise: 'a stop leaves nothing',
    plugin: sample(() => process.listenerCount('SIGUSR2') === 0 && process.on('SIGUSR2', onProcess)),
    clean: () => void process.removeAllListeners('SIGUSR2'),
  },
  'leaves a timer of Node’s own': {
    promise: 'a stop leaves nothing',
    plugin: sample(() => {
      const timer = setInterval(() => {}, 1_000);
      left.push({ [Symbol.dispose]: () => clearInterval(timer) });
    }),
    clean: () => {
      for (const one of left.splice(0)) one[Symbol.dispose]();
    },
  },
  'leaves something behind at a late stop only': {
    promise: 'starting and stopping again',
    plugin: (() => {
      let starts = 0;
      return sample((ctx) => {
        starts += 1;
        if (starts > 40) ctx.clock.setTimer(1_000, () => {});
      });
    })(),
    options: { rounds: 100 },
  },
  'goes on with an activation that was interrupted': {
    promise: 'an activation that is interrupted',
    plugin: sample(async (ctx) => {
      const timers: (() => void)[] = [];
      ctx.own(() => {
        for (const cancel of timers) cancel();
      });
      await hop();
      await hop();
      timers.push(ctx.clock.setRepeating(1_000, () => {}));
    }),
  },
  'never ends an activation that was interrupted': {
    promise: 'an activation that is interrupted',
    plugin: sample(async (ctx) => {
      await hop();
      await hop();
      if (ctx.signal.aborted) await new Promise(() => {});
    }),
    options: { activateTimeoutMs: 300 },
  },
  'listens for what it should leave to the host': {
    promise: 'a stop leaves nothing',
    plugin: sample(() => process.listenerCount('unhandledRejection') < 10 && process.on('unhandledRejection', onProcess)),
    clean: () => {
      // each of its starts has added one
      while (process.listeners('unhandledRejection').includes(onProcess)) process.removeListener('unhandledRejection', onProcess);
    },
  },
};
