import type { OperationInfo, PluginStatus } from '@bellows/sdk';
import type { HostClient } from '../cli/host-client.js';
import type { HostStatus } from '../host-view.js';
import type { Candidate } from './complete.js';
import type { LiveName } from './completed-by.js';

/** Nobody reads more in a list of completions. */
const MOST_NAMES = 100;

/** What the host knows of a kind of names, newest first where it keeps a history. Rejects as the client does. */
export async function liveNames(client: HostClient, by: LiveName, before: readonly string[]): Promise<readonly Candidate[]> {
  const names = await NAMES[by](client, before);
  // A host of another version, or something that only says it is one, may answer anything.
  return names.filter(({ value, description }) => typeof value === 'string' && typeof description === 'string');
}

const NAMES: Readonly<Record<LiveName, (client: HostClient, before: readonly string[]) => Promise<readonly Candidate[]>>> = {
  operation: async (client) => {
    const { operations } = await client.get<{ operations: OperationInfo[] }>('/v1/operations');
    return operations.map(({ name, summary }) => ({ value: name, description: summary }));
  },
  subsystem: async (client) => {
    const { subsystems } = await client.get<HostStatus>('/v1/status');
    return subsystems.map(({ name, binding }) => ({ value: name, description: binding.reason }));
  },
  plugin: async (client) => {
    const { plugins } = await client.get<{ plugins: PluginStatus[] }>('/v1/plugins');
    return plugins.map(({ id, state }) => ({ value: id, description: state }));
  },
  module: async (client) => {
    const { modules } = await client.call<{ modules: { name: string; kind?: string }[] }>('compute.list', {});
    return modules.map(({ name, kind = '' }) => ({ value: name, description: kind }));
  },
  export: async (client, [module]) => {
    const { exports = [] } = await client.call<{ exports?: { name: string; kind?: string }[] }>('compute.get', { name: module });
    return exports.map(({ name, kind = '' }) => ({ value: name, description: kind }));
  },
  run: async (client) => (await runsOf(client)).map(({ id, name, status }) => ({ value: id, description: `${name}, ${status}` })),
  // There is no list of definitions; those that ran lately are the ones to start again.
  workflow: async (client) => [...new Set((await runsOf(client)).map(({ name }) => name))].map((value) => ({ value, description: '' })),
  job: async (client) => {
    const { items } = await client.call<{ items: { id: string; status: string }[] }>('harness.list', { limit: MOST_NAMES });
    return items.map(({ id, status }) => ({ value: id, description: status }));
  },
};

interface ListedRun {
  readonly id: string;
  readonly name: string;
  readonly status: string;
}

async function runsOf(client: HostClient): Promise<readonly ListedRun[]> {
  return (await client.call<{ items: ListedRun[] }>('workflow.list', { limit: MOST_NAMES })).items;
}
