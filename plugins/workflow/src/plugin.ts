import path from 'node:path';
import { type BellowsError, messageOf, type PluginContext, TOKENS } from '@bellows/sdk';
import type { WorkflowConfig } from './config.js';
import { loadDefinitionFiles } from './definitions/definition-files.js';
import { DefinitionRegistry } from './definitions/definition-registry.js';
import { tellOpenRuns } from './definitions/tell-open-runs.js';
import { OperationDirectory } from './engine/operation-directory.js';
import { ReadyQueue } from './engine/ready-queue.js';
import { Retention } from './engine/retention.js';
import { WorkflowEngine } from './engine/workflow-engine.js';
import { provideOperations } from './operations.js';
import { type PipelineFacts, PipelineScalingManager } from './pipeline-scaling-manager.js';
import { CapturedStates } from './store/captured-states.js';
import { FlowStore } from './store/flow-store.js';
import { SpillStore } from './store/spill-store.js';
import { TimerQueue } from './store/timer-queue.js';

/** Stages that execute when the plugin stops may end within this time; a host gives a plugin some seconds more. */
const STOP_GRACE_MS = 2_000;
const SPILL_FILE = 'spill.db';

export interface RunningWorkflow {
  readonly engine: WorkflowEngine;
  readonly manager: PipelineScalingManager;
  readonly store: FlowStore;
  readonly definitions: DefinitionRegistry;
  /** Resolves when every run of before is under way again. */
  readonly resumed: Promise<void>;
}

/** Puts the parts of workflow together. */
export async function activateWorkflow(ctx: PluginContext<WorkflowConfig>): Promise<RunningWorkflow> {
  const { config, clock, logger, dataDir } = ctx;
  const store = ctx.own(await FlowStore.open(dataDir, { clock, logger, onStalled: tellStalls(ctx) }));
  const values = ctx.own(new SpillStore(path.join(dataDir, SPILL_FILE), { maxBytes: config.maxSpillBytes }));
  const captured = new CapturedStates({ values, backing: values, maxStateBytesPerStage: config.maxStateBytesPerStage });
  const definitions = await openDefinitions(ctx, store);
  const queue = new ReadyQueue();
  const timers = new TimerQueue({ clock, onDue: (run, stage) => engine.due(run, stage) });
  const facts = (): PipelineFacts => factsOf({ store, captured, definitions, timers, engine });
  const manager = new PipelineScalingManager({
    config,
    clock,
    machine: ctx.get(TOKENS.Machine),
    logger,
    queue,
    facts,
    limitDepth: (maxDepth) => definitions.limitDepth(maxDepth),
    apply: ({ maxCacheEntries, maxMemoryBytes }) => {
      definitions.resize(maxCacheEntries);
      engine.resizeMemory(maxMemoryBytes);
    },
  });
  const directory = new OperationDirectory(ctx.operations);
  const engine = new WorkflowEngine({
    clock,
    logger,
    random: ctx.random,
    store,
    captured,
    timers: { set: (run, stage, dueAt) => timers.add(run, stage, dueAt), clear: (run, stage) => void timers.cancel(run, stage) },
    operations: ctx.operations,
    directory,
    queue,
    slots: manager,
    pipelineOf: (name, version) => definitions.lookUp(name, version),
    maxMemoryBytes: manager.currentLimits.maxMemoryBytes,
  });
  const retention = new Retention({ store, captured, clock, logger, retentionMs: config.retentionMs });
  ctx.own(async () => {
    timers.close();
    manager.stop();
    await Promise.all([engine.stop(STOP_GRACE_MS), retention.stop()]);
  });
  manager.start();
  retention.start();
  ctx.registerSubsystem(manager);
  ctx.onReconfigure(({ config: next }) => manager.configure(next));
  provideOperations(ctx.operations, { definitions, directory, engine, manager, store });
  // not before the others are up: what stages call is theirs
  const resumed = ctx
    .get(TOKENS.HostStart)
    .complete.then(() => engine.resume())
    .catch((error) => logger.error('not all runs go on; the next start tries again', { error: messageOf(error) }));
  return { engine, manager, store, definitions, resumed };
}

/** While the log of runs cannot be written the plugin works only in part: what runs waits, and nothing new begins. */
function tellStalls({ degrade, recover }: PluginContext<WorkflowConfig>): (error: BellowsError | undefined) => void {
  let code = '';
  return (error) => {
    if (error === undefined) return recover(code);
    code = error.code;
    degrade(code, `The log of runs cannot be written; its steps wait in memory and are tried again: ${error.message}`);
  };
}

async function openDefinitions(ctx: PluginContext<WorkflowConfig>, store: FlowStore): Promise<DefinitionRegistry> {
  const { config, clock, logger, configFolder, signal } = ctx;
  const { maxPipelineDepth: maxDepth, maxStages, maxCacheEntries } = config;
  const files = ctx.own(await loadDefinitionFiles({ patterns: config.definitions, folder: configFolder, maxDepth, maxStages, signal }));
  const definitions = new DefinitionRegistry({ store, clock, maxDepth, maxStages, maxCacheEntries });
  await definitions.addFiles(files);
  tellOpenRuns({ definitions, store, logger });
  return definitions;
}

interface Parts {
  readonly store: FlowStore;
  readonly captured: CapturedStates;
  readonly definitions: DefinitionRegistry;
  readonly timers: TimerQueue;
  readonly engine: WorkflowEngine;
}

function factsOf({ store, captured, definitions, timers, engine }: Parts): PipelineFacts {
  const { live, outputBytes } = engine.facts;
  return {
    activeRuns: live,
    dormantRuns: store.counts().waiting,
    memoryBytes: outputBytes + timers.memoryBytes,
    spilledTotal: captured.spilled.total,
    isStalled: store.isStalled,
    cache: definitions.stats,
  };
}
