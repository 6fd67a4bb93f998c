import { CRITICALITIES, option, z } from '@bellows/sdk';

const count = z.number().int().min(1);
/** What is not given is not limited at this level. Caches and memory belong to subsystems, which do not know for whom they work. */
const limits = z.strictObject({
  maxConcurrentOperations: option(count.exactOptional(), {
    what: 'Calls of operations at once; what is not given is not limited. Of those that only look, and of those that only wait, ten times as many.',
    change: 'live',
    raise: 'when calls are refused with TENANT_LIMIT while the machine has room',
    lower: 'when one takes too much from the others',
  }),
  maxQueueDepth: option(count.exactOptional(), {
    what: 'Calls that may wait for a place. Where neither the tenant nor the user says it, none does.',
    change: 'live',
    raise: 'when bursts are short and callers can wait',
    lower: 'when callers would rather hear early that there is no room',
  }),
});

const idempotency = z.strictObject({
  keepMs: option(z.number().int().min(1_000).max(2_592_000_000).default(86_400_000), {
    what: 'How long the answer to a call with an idempotency key is given again.',
    unit: 'ms',
    raise: 'when callers may come back after days',
    lower: 'when keys are used again soon, or their answers must not stay on disk',
  }),
  maxEntries: option(z.number().int().min(1).max(1_000_000).default(10_000), {
    what: 'How many answers are kept. When there are more, the oldest of the tenant that has most go.',
    raise: 'when more calls with a key come in `keepMs` than this',
    lower: 'to save memory: an entry takes about 300 bytes of it',
  }),
  maxBytes: option(z.number().int().min(1_024).default(67_108_864), {
    what: 'How large all kept answers may be together, on disk.',
    unit: 'bytes',
    raise: 'when answers are large',
    lower: 'when the disk is small',
  }),
  maxAnswerBytes: option(z.number().int().min(1_024).default(1_048_576), {
    what: 'How large one kept answer may be. Of a larger one only is kept that the work was done: a repeated call is refused.',
    unit: 'bytes',
    raise: 'when callers with keys ask for large answers',
    lower: 'to keep more of the small ones',
  }),
});

const host = z.strictObject({
  address: option(z.string().min(1).default('127.0.0.1'), {
    what: 'The address to listen on. Anything but loopback needs `tokensFile`.',
  }),
  port: option(z.number().int().min(0).max(65_535).default(7070), { what: 'The port to listen on; 0 takes a free one.' }),
  dataDir: option(z.string().min(1).default('.bellows'), { what: 'The folder for everything durable; one host at a time.' }),
  tokensFile: option(z.string().min(1).nullable().default(null), {
    what: 'A file with hashed tokens and their roles; with it, every request needs a token. What changes in it holds within two seconds.',
  }),
  logLevel: option(z.enum(['debug', 'info', 'warn', 'error']).default('info'), {
    what: 'The least important lines that are written.',
    change: 'live',
  }),
  watchConfig: option(z.boolean().default(false), {
    what: 'Whether a change of this file, of a `configFile` of a plugin or of a file that `${file:…}` puts in reloads the host by itself, a second or two later.',
    change: 'live',
  }),
  stopTimeoutMs: option(z.number().int().min(100).max(600_000).default(15_000), {
    what: 'How long a stop may take in all before what is left is given up.',
    change: 'live',
    unit: 'ms',
    raise: 'when plugins have long work to finish at a stop',
    lower: 'when whatever restarts the host kills it earlier',
  }),
  maxConcurrentOperations: option(count.default(10_000), {
    what: 'Calls of operations at once, of all tenants together. Bulk calls may fill 80 % of it, best_effort 90 %, degraded 95 %.',
    raise: 'when calls mostly wait and the machine has memory for their inputs',
    lower: 'when many large inputs at once use too much memory',
  }),
  idempotency: idempotency.prefault({}),
});

const subsystemPolicy = z.strictObject({
  weight: option(z.number().positive().default(1), {
    what: 'The share of the machine this subsystem gets when several want more than there is.',
    change: 'live',
    raise: 'to give it more of a busy machine',
    lower: 'to let others go first',
  }),
  floor: option(count.nullable().default(null), {
    what: 'Concurrent operations it always may run; null is what the subsystem says, else half the cores, at least 1.',
    change: 'live',
    raise: 'when a first burst must not wait for the governor',
    lower: 'when it should rest completely while idle',
  }),
  ceiling: option(count.nullable().default(null), {
    what: 'Concurrent operations it never exceeds; null leaves it to the budget.',
    change: 'live',
    raise: 'when the machine has room and `explain` names the ceiling',
    lower: 'to protect what else runs here',
  }),
  costCores: option(z.number().positive().nullable().default(null), {
    what: 'How much of a core one operation keeps busy; null is what the subsystem says, else 1.',
    change: 'live',
    unit: 'cores',
    raise: 'when its operations use several cores',
    lower: 'when its operations mostly wait',
  }),
  criticality: option(z.enum(CRITICALITIES).default('degraded'), {
    what: 'What may be cut when memory is short: bulk first, critical last.',
    change: 'live',
  }),
});

const governor = z.strictObject({
  sampleMs: option(z.number().int().min(50).max(60_000).default(250), {
    what: 'How often the machine is read.',
    change: 'live',
    unit: 'ms',
    raise: 'to save a little CPU on an idle machine',
    lower: 'to see short peaks',
  }),
  periodMs: option(z.number().int().min(50).max(600_000).default(1_000), {
    what: 'How often limits are decided.',
    change: 'live',
    unit: 'ms',
    raise: 'when limits move too often',
    lower: 'when bursts wait too long for room',
  }),
  downWindowMs: option(z.number().int().min(0).max(3_600_000).default(30_000), {
    what: 'A limit falls only to the highest demand of this window.',
    change: 'live',
    unit: 'ms',
    raise: 'when load comes in waves and limits flap',
    lower: 'to give memory back sooner',
  }),
  overcommit: option(z.number().min(0.1).max(64).default(2), {
    what: 'The budget is the cores times this.',
    change: 'live',
    raise: 'when operations wait more than they compute',
    lower: 'when the machine is shared with other work',
  }),
  subsystems: z
    .record(
      z.string().regex(/^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*$/, 'a subsystem is named <plugin>.<subsystem>'),
      subsystemPolicy.prefault({}),
    )
    .default({})
    .meta({ description: 'The policy of each subsystem, by name.', change: 'live' }),
});

const plugin = z.strictObject(
  {
    from: option(z.string().min(1), { what: 'Where the plugin is: a folder, an npm name, or a packed .tgz.' }),
    required: option(z.boolean().default(true), { what: 'Whether the host must not run without it.', change: 'live' }),
    activateTimeoutMs: option(z.number().int().min(10).max(600_000).default(10_000), {
      what: 'How long its activation may take.',
      change: 'live',
      unit: 'ms',
      raise: 'when it opens slow services',
      lower: 'to learn sooner that it hangs',
    }),
    stopTimeoutMs: option(z.number().int().min(10).max(600_000).default(5_000), {
      what: 'How long its stop may take.',
      change: 'live',
      unit: 'ms',
      raise: 'when it has long work to finish',
      lower: 'when a stop must be quick',
    }),
    onUncaughtError: option(z.enum(['degrade', 'restart']).default('degrade'), {
      what: 'When an error of the plugin reaches nobody: `degrade` goes on and shows it, `restart` also starts the plugin again, and what needs it; after five times in a minute with growing pauses.',
      change: 'live',
    }),
    configFile: option(z.string().min(1).optional(), { what: 'A file with the options of the plugin, instead of `config`.' }),
    config: z.record(z.string(), z.unknown()).optional().meta({ description: 'The options of the plugin; see its page.' }),
  },
  { error: placeAlone },
);

/** The place of a plugin alone, where its entry should be: the most likely slip. What else is wrong is told as ever. */
function placeAlone({ code, input }: { readonly code?: string; readonly input?: unknown }): string | undefined {
  if (code !== 'invalid_type' || typeof input !== 'string') return undefined;
  return `expected an object, got a string: write { from: ${input.length > 80 ? '…' : input} }`;
}

/** `bellows.yaml`, the parts that are not a plugin's own. The only source of types, defaults, JSON Schema and reference page. */
export const hostConfigSchema = z.strictObject({
  host: host.prefault({}),
  governor: governor.prefault({}),
  tenants: z
    .record(
      z.string().min(1),
      z.strictObject({
        limits: limits.exactOptional().meta({ description: 'What all users of the tenant may use together.' }),
        users: z.record(z.string().min(1), limits).default({}).meta({ description: 'What one user may use; `default` is for all others.' }),
      }),
    )
    .default({})
    .meta({ description: 'Limits by tenant and user; the smallest of instance, tenant and user applies.', change: 'live' }),
  plugins: z
    .record(z.string().regex(/^[a-z][a-z0-9-]*$/, 'a plugin id is lower-case letters, digits and dashes'), plugin)
    .default({})
    .meta({ description: 'What to load, by plugin id.' }),
});

export type HostConfig = z.output<typeof hostConfigSchema>;
export type PluginEntry = HostConfig['plugins'][string];
export type SubsystemPolicy = HostConfig['governor']['subsystems'][string];

/** The policy of a subsystem that the config does not name. */
export const DEFAULT_SUBSYSTEM_POLICY: SubsystemPolicy = Object.freeze(subsystemPolicy.parse({}));
