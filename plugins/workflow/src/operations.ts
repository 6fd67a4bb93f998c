import path from 'node:path';
import type { CallAuthority, IOperations, OperationDefinition } from '@bellows/sdk';
import type { DefinitionInput, DefinitionRegistry } from './definitions/definition-registry.js';
import { checkPipelineDepth } from './definitions/pipeline-depth.js';
import { historyPage } from './engine/history-page.js';
import { findDefinition } from './engine/missing-definition.js';
import type { OperationDirectory } from './engine/operation-directory.js';
import { unknownRunError } from './engine/unknown-run.js';
import type { WorkflowEngine } from './engine/workflow-engine.js';
import { type ListInput, schemas } from './operation-schemas.js';
import type { PipelineScalingManager } from './pipeline-scaling-manager.js';
import { FLOW_FILE } from './store/flow-database.js';
import type { IFlowStore, RunFilter, StoredRun } from './store/flow-records.js';
import type { FlowStore } from './store/flow-store.js';

export interface WorkflowServices {
  readonly definitions: DefinitionRegistry;
  readonly directory: OperationDirectory;
  readonly engine: WorkflowEngine;
  readonly manager: Pick<PipelineScalingManager, 'maxPipelineDepth'>;
  readonly store: IFlowStore & Pick<FlowStore, 'copyTo'>;
}

/** Offers `workflow.*` until the plugin stops. */
export function provideOperations(operations: IOperations, services: WorkflowServices): void {
  const { engine, store, definitions } = services;
  const pipelineOf = (name: string, version: number) => definitions.lookUp(name, version);
  /** Whose authority is bound to a tenant learns nothing of the runs of others, not even that they are there. */
  const own = (id: string, { tenant }: CallAuthority) => {
    if (tenant !== undefined && engine.find(id).tenant !== tenant) throw unknownRunError(id);
    return id;
  };
  operations.provide(
    defineOperation({
      name: 'workflow.define',
      summary: 'Keeps a definition under its name and version. The same one again changes nothing.',
      ...schemas.define,
      handler: (input) => define(input, services),
    }),
  );
  operations.provide(
    defineOperation({
      name: 'workflow.start',
      summary: 'Starts a run; it is durable when this answers.',
      ...schemas.start,
      idempotency: 'handler',
      handler: ({ input = {}, ...request }, { tenant, user, authority, idempotencyKey }) =>
        engine.start({ ...request, input }, { tenant, user, authority, idempotencyKey }),
    }),
  );
  operations.provide(
    defineOperation({
      name: 'workflow.get',
      summary: 'Shows a run: where it stands, every stage, what was rolled back.',
      ...schemas.get,
      role: 'reader',
      effort: 'view',
      handler: async ({ id }, { authority }) => engine.get(own(id, authority)),
    }),
  );
  operations.provide(
    defineOperation({
      name: 'workflow.wait',
      summary: 'Waits for the end of a run, and shows it; when the time is up, as it is then.',
      ...schemas.wait,
      role: 'reader',
      effort: 'wait',
      handler: async ({ id, timeoutMs }, { authority, signal }) => engine.wait(own(id, authority), timeoutMs, signal),
    }),
  );
  operations.provide(
    defineOperation({
      name: 'workflow.list',
      summary: 'Lists runs, newest first.',
      ...schemas.list,
      role: 'reader',
      effort: 'view',
      handler: async (input, { authority: { tenant } }) => {
        const { items, cursor } = store.list({ ...filterOf(input), ...(tenant === undefined ? {} : { tenant }) });
        return { items: items.map(itemOf), ...(cursor === undefined ? {} : { cursor }) };
      },
    }),
  );
  operations.provide(
    defineOperation({
      name: 'workflow.history',
      summary: 'Shows the events of a run in order, page by page.',
      ...schemas.history,
      role: 'reader',
      effort: 'view',
      handler: async ({ id, after, limit }, { authority }) => {
        const run = engine.find(own(id, authority));
        return historyPage({ run, store, after, limit, definition: findDefinition(run, { store, pipelineOf }) });
      },
    }),
  );
  operations.provide(
    defineOperation({
      name: 'workflow.signal',
      summary: 'Sends a signal to a run; one that nobody waits for yet is kept.',
      ...schemas.signal,
      effort: 'view',
      handler: async ({ id, name, payload }, { authority }) => ({ id, ...(await engine.signal(own(id, authority), name, payload)) }),
    }),
  );
  operations.provide(
    defineOperation({
      name: 'workflow.cancel',
      summary: 'Ends a run: what executes is told to stop, then what completed is compensated.',
      ...schemas.cancel,
      effort: 'view',
      handler: async ({ id }, { authority }) => {
        await engine.cancel(own(id, authority));
        return { id, status: engine.find(id).status };
      },
    }),
  );
  operations.provide(
    defineOperation({
      name: 'workflow.backup',
      summary: 'Copies the runs, which go on, into a folder: the part of `bellows backup` that only this plugin can do.',
      ...schemas.backup,
      // it writes where the caller says
      role: 'admin',
      runsCommands: true,
      handler: async ({ folder }, { signal }) => {
        await store.copyTo(path.join(folder, FLOW_FILE), signal);
        return { files: [FLOW_FILE] };
      },
    }),
  );
}

async function define(input: DefinitionInput, { definitions, directory, engine, manager }: WorkflowServices) {
  const lookUp = (name: string, version: number | null) => definitions.lookUp(name, version);
  const pipeline = await definitions.define(input, {
    check: (candidate) => void checkPipelineDepth(candidate, { maxDepth: manager.maxPipelineDepth, lookUp }),
    operations: directory.known,
  });
  engine.defined(pipeline);
  return { name: pipeline.name, version: pipeline.version, stages: pipeline.stages.length };
}

function filterOf({ status, name, from, to, attributes, limit, cursor }: ListInput): RunFilter {
  return {
    limit,
    ...(status === undefined ? {} : { status }),
    ...(name === undefined ? {} : { name }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(attributes === undefined ? {} : { attributes }),
    ...(cursor === undefined ? {} : { cursor }),
  };
}

function itemOf({ id, name, version, status, attributes, createdAt, updatedAt, endedAt, error }: StoredRun) {
  return {
    id,
    name,
    version,
    status,
    attributes: { ...attributes },
    createdAt,
    updatedAt,
    ...(endedAt === null ? {} : { endedAt }),
    ...(error === null ? {} : { error: JSON.parse(error) as { code: string; message: string } }),
  };
}

/** Fixes the types of a definition to its schemas. */
function defineOperation<I, O>(definition: OperationDefinition<I, O>): OperationDefinition<I, O> {
  return definition;
}
