import { spawn } from 'node:child_process';
import { closeSync, openSync, watch } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { NotReadyError, option, type Plugin, type PluginContext, z } from '@bellows/sdk';
import { type BrokenPlugin, ERROR_CODES, sample, withOperation } from './broken-plugins.js';

/** Two keys, so that a bad value of one is seen only where the other one is good. */
const letter = z.strictObject({ to: z.string(), text: z.string() });
type Letter = z.output<typeof letter>;

const answering = (handler: (letter: Letter) => unknown, input: z.ZodType = letter) =>
  withOperation({ input, handler: async (given: Letter) => handler(given) } as object);

let kept: (() => unknown)[] = [];
const clean = () => {
  for (const release of kept) release();
  kept = [];
};

/** Takes something that nothing releases but {@link clean}. */
const keeping = (take: (ctx: PluginContext) => () => void): BrokenPlugin => ({
  promise: 'a stop leaves nothing',
  plugin: sample((ctx) => kept.push(take(ctx as PluginContext))),
  clean,
});

/** Changes what all code of the process shares, once, until {@link clean}. */
const keepingShared = (found: string, change: () => () => unknown): BrokenPlugin => ({
  promise: `a stop leaves nothing behind": there is still ${found}`,
  plugin: sample(() => {
    if (kept.length === 0) kept.push(change());
  }),
  options: { settleMs: 50 },
  clean,
});

let isStarted = false;
let running = 0;
let calls = 0;

/** What a hurried author writes. */
export const CARELESS: Readonly<Record<string, BrokenPlugin>> = {
  'reads a text as JSON': { promise: 'hostile input', plugin: answering(({ text }) => ({ greeting: String(JSON.parse(text)) })) },
  'repeats what it was given': {
    promise: 'hostile input',
    plugin: answering(({ text }) => {
      throw new Error(`cannot send ${text}`);
    }),
  },
  'answers what it did not say': { promise: 'hostile input', plugin: answering(() => ({ greeting: 42 })) },
  'answers good input alone with what it did not say': {
    promise: 'an operation that changes nothing',
    plugin: withOperation({
      role: 'reader',
      input: z.strictObject({ copies: z.int().min(1).max(9) }),
      handler: async () => ({ greeting: 42 }),
    } as object),
  },
  'answers with dates, which no JSON has': {
    promise:
      'it provides operations under its own id, each with a summary and with schemas": the output of sample.other has at (date), most (bigint)',
    plugin: withOperation({ output: z.strictObject({ at: z.date(), most: z.array(z.bigint()) }), handler: async () => ({}) } as object),
  },
  'throws an error of another kind than its own table says': {
    promise:
      'its errors have codes of its own table, of the host or of the SDK": sample.other answered to name with a mebibyte of text with NAME_ODD of the kind not_ready',
    plugin: {
      default: withOperation({
        async handler() {
          throw new NotReadyError('NAME_ODD', 'The name is odd: use another one.');
        },
      }),
      ERROR_CODES,
    } as { readonly default: Plugin },
  },
  'publishes what cannot be sent': {
    promise: 'it publishes under its own id": an event of sample.odd holds what cannot be sent',
    plugin: sample((ctx) => ctx.bus.publish({ topic: 'sample.odd', payload: { again: () => {} } })),
  },
  'publishes what JSON cannot hold': {
    promise: 'it publishes under its own id": an event of sample.large holds what cannot be sent',
    plugin: sample((ctx) => ctx.bus.publish({ topic: 'sample.large', payload: { bytes: 1n } })),
  },
  'marks an option as live, and takes no changes': {
    promise: "it takes a change of its live options over, and back\": greeting is marked change: 'live', and it has no ctx.onReconfigure",
    plugin: sample(() => {}, {
      config: z.strictObject({
        greeting: option(z.string().default('Hello'), { what: 'The word before the name.', change: 'live' }),
      }) as never,
    }),
  },
  'provides an operation without a handler': {
    promise: 'it is active when its activation has ended": it does not start: ',
    plugin: withOperation({ handler: undefined } as object),
  },
  'drops keys it does not know': {
    promise: 'malformed input',
    plugin: answering(() => ({ greeting: '' }), z.object({ to: z.string(), text: z.string() })),
  },
  'makes numbers of anything': {
    promise: 'malformed input',
    plugin: answering(() => ({ greeting: '' }), z.strictObject({ to: z.string(), copies: z.coerce.number() })),
  },
  'throws in a handler of events': {
    promise: 'it takes the events',
    plugin: sample((ctx) => {
      ctx.bus.subscribe('status', {}, () => {
        throw new TypeError('no such thing');
      });
    }),
  },
  'starts once only': {
    promise: 'it is active',
    plugin: sample(() => {
      if (isStarted) throw new Error('started already');
      isStarted = true;
    }),
    clean: () => void (isStarted = false),
  },
  'leaves a timer of a call on the clock': {
    promise: 'a stop leaves nothing',
    plugin: sample((ctx) =>
      ctx.operations.provide({
        name: 'sample.later',
        summary: 'Does it later.',
        input: letter,
        output: z.strictObject({}),
        handler: async () => {
          ctx.clock.setTimer(60_000, () => {});
          return {};
        },
      }),
    ),
  },
  'answers well only once': {
    promise: 'an operation that changes nothing',
    plugin: withOperation({
      role: 'reader',
      input: z.strictObject({}),
      handler: async () => {
        calls += 1;
        if (calls > 1) throw new Error('the file is gone');
        return { greeting: 'once' };
      },
    } as object),
  },
  'never ends a call that takes nothing': {
    promise: 'a stop while it is called leaves nothing behind": calls of sample.other still run',
    plugin: withOperation({ role: 'reader', input: z.strictObject({}), handler: () => new Promise(() => {}) } as object),
    options: { callTimeoutMs: 50, settleMs: 50, stopTimeoutMs: 300 },
  },
  'listens to its signal at each call that takes nothing': {
    promise: 'a stop leaves nothing behind": calls of sample.listen that have ended left 3 listeners',
    plugin: sample((ctx) =>
      ctx.operations.provide({
        name: 'sample.listen',
        summary: 'Listens',
        role: 'reader',
        input: z.strictObject({}),
        output: z.strictObject({}),
        async handler() {
          ctx.signal.addEventListener('abort', () => {});
          return {};
        },
      }),
    ),
  },
  'goes on with calls when it has stopped': {
    promise: 'a stop while it is called',
    plugin: sample((ctx) =>
      ctx.operations.provide({
        name: 'sample.slow',
        summary: 'Takes its time when there is much to do.',
        input: letter,
        output: z.strictObject({}),
        handler: async () => {
          running += 1;
          await new Promise<void>((resolve) => (running > 1 ? ctx.clock.setTimer(60_000, resolve) : setImmediate(resolve)));
          running -= 1;
          return {};
        },
      }),
    ),
    options: { stopTimeoutMs: 100 },
    clean: () => void (running = 0),
  },
  'does not hear that a call is to end': {
    promise: 'a stop while it is called leaves nothing behind": calls of sample.other still run',
    plugin: answering(async () => {
      running += 1;
      // with several at once only, and with nothing that could be seen from outside
      await new Promise<void>((resolve) => void (running > 1 || setImmediate(resolve)));
      running = 0;
      return { greeting: '' };
    }),
    options: { stopTimeoutMs: 100 },
    clean: () => void (running = 0),
  },
  'leaves a timer that does not hold up the process': keeping(() => {
    const timer = setInterval(() => {}, 60_000).unref();
    return () => clearInterval(timer);
  }),
  'leaves a server that does not hold up the process': keeping(() => {
    const server = createServer().listen(0, '127.0.0.1').unref();
    return () => server.close();
  }),
  'leaves a watched folder': keeping((ctx) => {
    const watcher = watch(ctx.dataDir, { persistent: false }, () => {});
    return () => watcher.close();
  }),
  'leaves a child process that does not hold up the process': keeping(() => {
    const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], { stdio: 'ignore' });
    child.unref();
    return () => child.kill('SIGKILL');
  }),
  'leaves an environment variable': keepingShared('a change of the environment variable SAMPLE_TOKEN', () => {
    process.env.SAMPLE_TOKEN = 'secret';
    return () => delete process.env.SAMPLE_TOKEN;
  }),
  'takes an environment variable away': keepingShared('a change of the environment variable PATH', () => {
    const { PATH } = process.env;
    delete process.env.PATH;
    return () => PATH !== undefined && Object.assign(process.env, { PATH });
  }),
  'leaves another working folder': keepingShared(`the working folder ${path.parse(process.cwd()).root}`, () => {
    const before = process.cwd();
    process.chdir(path.parse(before).root);
    return () => process.chdir(before);
  }),
  'leaves a global': keepingShared('the new global sampleState', () => {
    Object.assign(globalThis, { sampleState: 1 });
    return () => Reflect.deleteProperty(globalThis, 'sampleState');
  }),
  'leaves longer stacks': keepingShared('a change of Error.stackTraceLimit', () => {
    const before = Error.stackTraceLimit;
    Error.stackTraceLimit = before + 40;
    return () => Object.assign(Error, { stackTraceLimit: before });
  }),
  'leaves a method on all lists': keepingShared('a change of Array.prototype.last', () => {
    Object.defineProperty(Array.prototype, 'last', { configurable: true, value: () => undefined });
    return () => Reflect.deleteProperty(Array.prototype, 'last');
  }),
  'replaces a method of all dates': keepingShared('a change of Date.prototype.toJSON', () => {
    const { toJSON } = Date.prototype;
    Date.prototype.toJSON = () => '';
    return () => Object.assign(Date.prototype, { toJSON });
  }),
  'leaves a thread': keeping(() => {
    const thread = new Worker('setTimeout(() => {}, 60_000)', { eval: true });
    thread.unref();
    return () => void thread.terminate();
  }),
  ...(process.platform === 'linux' && {
    'leaves a file open': keeping((ctx) => {
      const file = openSync(path.join(ctx.dataDir, 'notes'), 'w');
      return () => closeSync(file);
    }),
  }),
};
