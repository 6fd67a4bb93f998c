import { option, z } from '@bellows/sdk';

const MIB = 1024 * 1024;
/** The whole address space of 32-bit memories. */
export const MAX_PAGES = 65_536;

/** Every option of the plugin: the only source of defaults, texts and types. */
export const computeConfigSchema = z.strictObject({
  isolation: option(z.enum(['process']).default('process'), {
    what: 'Where guests run: in executor processes of their own, never in the host.',
  }),
  executors: option(z.int().min(1).max(64).default(2), {
    what: 'The most executor processes at once.',
    unit: 'processes',
    raise: 'when one crashing guest must hurt fewer others',
    lower: 'when memory is short: each takes about 50 MB',
  }),
  maxConcurrentOperations: option(z.int().min(1).max(1_024).default(64), {
    what: 'The most calls running at once; the law of the subsystem stays within it.',
    change: 'live',
    unit: 'calls',
    raise: 'when guests sleep a lot and cores are idle',
    lower: 'to leave cores to other work on this machine',
  }),
  maxQueueDepth: option(z.int().min(1).max(1_000_000).default(1_000), {
    what: 'How many calls may wait for a slot; one more is answered with CAPACITY.',
    change: 'live',
    unit: 'calls',
    raise: 'when bursts are short and callers can wait',
    lower: 'when callers would rather hear early that there is no room',
  }),
  maxCacheEntries: option(z.int().min(1).max(1_000_000).default(10_000), {
    what: 'How many modules have their configuration in memory; others are loaded from the store when they are called.',
    change: 'live',
    unit: 'modules',
    raise: 'when cache.hitRate stays low',
    lower: 'when memory is short',
  }),
  maxMemoryBytes: option(z.int().min(1).nullable().default(null), {
    what: 'Above this much memory of all executors, instances made ahead of time are given up. null: a tenth of the machine, at least 512 MiB.',
    change: 'live',
    unit: 'bytes',
    raise: 'when pool misses rise while memory is free',
    lower: 'when other work needs the memory',
  }),
  defaultMaxPages: option(z.int().min(1).max(MAX_PAGES).default(256), {
    what: 'How far the memory of a module may grow unless its own configuration says otherwise (256 pages are 16 MiB).',
    change: 'live',
    unit: 'pages of 64 KiB',
    raise: 'when guests fail to allocate',
    lower: 'to fit more guests into memory',
  }),
  maxPoolSize: option(z.int().min(0).max(1_000).default(10), {
    what: 'How many instances of one module are kept ready on each executor thread.',
    change: 'live',
    unit: 'instances',
    raise: 'when calls come in bursts and instantiating is slow',
    lower: 'when modules start with much memory',
  }),
  maxPooledModules: option(z.int().min(1).max(10_000).default(64), {
    what: 'How many modules each executor keeps compiled with their pools; the least used one is given up for another.',
    unit: 'modules',
    raise: 'when many modules are called in turn and each call is cold',
    lower: 'when memory is short',
  }),
  deadlineMs: option(z.int().min(1).default(30_000), {
    what: 'The time of a call, waiting included, unless the call or its module says otherwise.',
    change: 'live',
    unit: 'ms',
    raise: 'for guests that work long',
    lower: 'to end guests that hang sooner',
  }),
  maxTableElements: option(z.int().min(1).max(10_000_000).default(100_000), {
    what: 'How far the tables of a module may grow, all of them together.',
    change: 'live',
    unit: 'elements',
    raise: 'when a compiler emits larger function tables',
    lower: 'when growing tables holds threads too long',
  }),
  maxFunctionBytes: option(
    z
      .int()
      .min(1)
      .max(7_654_321)
      .default(512 * 1024),
    {
      what: 'The longest code of a single function: a function is compiled at its first call, in one piece.',
      change: 'live',
      unit: 'bytes',
      raise: 'when a module that you trust has larger functions',
      lower: 'when first calls take too long',
    },
  ),
  maxModuleBytes: option(
    z
      .int()
      .min(8)
      .max(1024 * MIB)
      .default(64 * MIB),
    {
      what: 'The largest module.',
      change: 'live',
      unit: 'bytes',
      raise: 'for language runtimes compiled whole',
      lower: 'when uploads come from strangers',
    },
  ),
  maxOutputBytes: option(
    z
      .int()
      .min(0)
      .max(512 * MIB)
      .default(16 * MIB),
    {
      what: 'What one call may write in all, to files, standard output and standard error; more gives the guest ENOSPC.',
      change: 'live',
      unit: 'bytes',
      raise: 'when guests make large files',
      lower: 'when answers are too large to carry',
    },
  ),
});

export type ComputeConfig = z.output<typeof computeConfigSchema>;
