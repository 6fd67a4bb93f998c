import { messageOf, PluginError } from './errors.js';
import { Supervisor } from './supervisor.js';
import type { ChildExit, ChildSpec, SupervisorOptions } from './supervisor-contract.js';
import { demandSupervisorOptions } from './supervisor-demands.js';

export interface SupervisorChildOptions extends SupervisorOptions, Pick<ChildSpec, 'id'> {
  /** Default: `permanent`. */
  readonly restart?: ChildSpec['restart'];
  /** Default: `Infinity`; its own children's time-outs bound it. */
  readonly stopTimeoutMs?: number;
}

/**
 * A supervisor as the child of another one. Each start makes a new supervisor over the same children; those added at run time are lost.
 * When it gives up, that is an exit which failed: the one above restarts it or gives up in turn.
 * Throws as the constructor of `Supervisor` does for options.
 */
export function supervisorChild({
  id,
  restart = 'permanent',
  stopTimeoutMs = Number.POSITIVE_INFINITY,
  ...options
}: SupervisorChildOptions): ChildSpec {
  demandSupervisorOptions(options);
  return {
    id,
    restart,
    stopTimeoutMs,
    async start(signal) {
      const exit = Promise.withResolvers<ChildExit>();
      const supervisor = new Supervisor({
        ...options,
        onEscalate(error) {
          exit.resolve({ ok: false, error });
          options.onEscalate?.(error);
        },
      });
      await supervisor.start(signal);
      return { exited: exit.promise, stop: () => stopWhole(id, supervisor), status: () => supervisor.status() };
    },
  };
}

async function stopWhole(id: string, supervisor: Supervisor): Promise<void> {
  const problems = await supervisor.stop();
  if (problems.length === 0) return;
  const told = problems.map((problem) => messageOf(problem.error)).join('; ');
  throw new PluginError('CHILDREN_NOT_STOPPED', `Not all children of ${id} stopped as they should: ${told}`, {
    phase: 'stop',
    cause: problems[0]?.error,
  });
}
