import { option, z } from '@bellows/sdk';

const KIB = 1024;
const MIB = 1024 * KIB;

const count = z.int().min(1);

/** Every option of the plugin: the only source of defaults, texts and types. */
export const workflowConfigSchema = z.strictObject({
  definitions: option(z.array(z.string().min(1)).default([]), {
    what: 'Files with definitions, as paths or patterns such as `flows/*.{ts,yaml}`, from the folder of this file.',
  }),
  maxPipelineDepth: option(count.max(100_000).default(50), {
    what: 'The longest chain of stages, those of child workflows included; a deeper pipeline is refused.',
    unit: 'stages',
    raise: 'when a real pipeline is refused for its length',
    lower: 'to find runaway generated pipelines sooner',
  }),
  maxStages: option(count.max(1_000_000).default(100_000), {
    what: 'The most stages of one pipeline.',
    unit: 'stages',
    raise: 'when a generated pipeline is wider',
    lower: 'when definitions come from strangers',
  }),
  maxConcurrentTransactions: option(count.max(10_000).nullable().default(null), {
    what: 'The most stages executing at once (transaction slots); null is twice the cores. The law of the subsystem stays within it.',
    change: 'live',
    unit: 'stages',
    raise: 'when stages mostly wait for others, for agents or for slow services',
    lower: 'to leave the machine to other subsystems',
  }),
  slotTimeoutMs: option(count.max(3_600_000).default(30_000), {
    what: 'How long a stage waits for a slot before that counts as backpressure and it queues again.',
    change: 'live',
    unit: 'ms',
    raise: 'when stages are long and waiting is normal',
    lower: 'to see a shortage of slots in the metrics sooner',
  }),
  maxQueueDepth: option(count.max(10_000_000).default(10_000), {
    what: 'How many stages may be ready and wait for a slot; past it `workflow.start` answers CAPACITY.',
    change: 'live',
    unit: 'stages',
    raise: 'when bursts are short and callers can wait',
    lower: 'when callers would rather hear early that there is no room',
  }),
  maxStateBytesPerStage: option(
    count
      .min(KIB)
      .max(512 * MIB)
      .default(10 * MIB),
    {
      what: 'Up to here the output of a stage stays with the history; a larger one goes through the backing store.',
      unit: 'bytes',
      raise: 'when spilling shows in the latency of stages',
      lower: 'to keep the history small',
    },
  ),
  maxSpillBytes: option(count.min(MIB).nullable().default(null), {
    what: 'How large the file of large values may grow; null is as large as the disk. Full means that stages with large outputs wait, nothing is lost.',
    unit: 'bytes',
    raise: 'when stages report STORE_FULL while the disk has room',
    lower: 'to keep the disk for others',
  }),
  maxCacheEntries: option(count.max(1_000_000).default(10_000), {
    what: 'How many definitions are kept ready in memory; others are read from the store when they are started.',
    change: 'live',
    unit: 'definitions',
    raise: 'when cache.hitRate stays low',
    lower: 'when memory is short',
  }),
  maxMemoryBytes: option(count.nullable().default(null), {
    what: 'Memory that live runs may take before outputs are read back from the store instead of kept; null: a tenth of the machine.',
    change: 'live',
    unit: 'bytes',
    raise: 'when runs with large outputs are slow while memory is free',
    lower: 'when other work needs the memory',
  }),
  retentionMs: option(
    z
      .int()
      .min(0)
      .nullable()
      .default(30 * 24 * 3_600_000),
    {
      what: 'How long an ended run is kept, with its history and large values; null keeps it for ever.',
      unit: 'ms',
      raise: 'when histories are needed longer',
      lower: 'when the data folder grows too large',
    },
  ),
});

export type WorkflowConfig = z.output<typeof workflowConfigSchema>;
