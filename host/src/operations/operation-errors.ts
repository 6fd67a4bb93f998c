import { ForbiddenError, NotFoundError, NotReadyError, type PluginStatus, type Role } from '@bellows/sdk';
import { pointToLog } from '../shown-faults.js';
import { nearestOperation } from './nearest-operation.js';

/** When a plugin that stops has mostly come back. */
const STOP_RETRY_MS = 1_000;
const MAX_SHOWN_LENGTH = 100;

/** A plugin that stops takes no more calls. */
export function stoppingError(operation: string, plugin: string): NotReadyError {
  return stopping(`${operation} is not available: plugin ${plugin} is stopping. Try again later.`, plugin);
}

/** A call that ran when its plugin was stopped: it may have done a part of its work. */
export function endedByStopError(operation: string, plugin: string): NotReadyError {
  // without retryAfterMs: that would tell a caller that nothing was done yet
  return new NotReadyError(
    'OPERATION_STOPPING',
    `The call of ${operation} was ended before it had finished, because plugin ${plugin} was stopped: a part of its work may be done. Try again later if doing it twice does no harm.`,
    { plugin, phase: 'stop' },
  );
}

/** It was there and is to come back. */
export function absentError(operation: string, plugin: string): NotReadyError {
  return stopping(`${operation} is away for a moment: its plugin ${plugin} is being started again. Try again later.`, plugin);
}

/** What it provides is not known while it is down. */
export function unavailableError(operation: string, { id, state, reason, message }: DownPlugin): NotReadyError {
  const [how, advice] = DOWN[state];
  return new NotReadyError(
    'OPERATION_UNAVAILABLE',
    `${shortened(operation)} is not available: plugin ${id} ${how} (${reason}): ${pointToLog(message).replace(/[.\s]*$/, '')}. ${advice(id)}`,
    { plugin: id, phase: 'call', ...(state === 'waiting' ? { retryAfterMs: STOP_RETRY_MS } : {}) },
  );
}

/** A plugin of the configuration that is not up, and is not on its way up either. */
export type DownPlugin = PluginStatus & { readonly state: keyof typeof DOWN };

export function isDown(status: PluginStatus): status is DownPlugin {
  return Object.hasOwn(DOWN, status.state);
}

const DOWN = {
  failed: ['has failed', (id: string) => `Mend that, then "bellows plugins restart ${id}".`],
  blocked: ['is blocked', () => 'It starts when what it needs is up.'],
  waiting: ['waits', () => 'It is tried again by itself.'],
} as const;

export function unknownOperationError(name: string, known: readonly string[]): NotFoundError {
  const near = nearestOperation(name, known);
  const shown = JSON.stringify(shortened(name));
  const hint = near === undefined ? '.' : `: did you mean ${near}?`;
  return new NotFoundError('OPERATION_UNKNOWN', `There is no operation ${shown}${hint} "bellows operations" lists those there are.`, {
    phase: 'call',
    ...(near === undefined ? {} : { details: [{ path: 'operation', message: 'unknown name', suggestion: near }] }),
  });
}

export function roleTooLowError(operation: string, needed: Role, given: Role): ForbiddenError {
  return new ForbiddenError('ROLE_TOO_LOW', `${operation} needs the role ${needed}; whoever it is called for has ${given}.`, {
    phase: 'call',
  });
}

export function commandsForbiddenError(operation: string): ForbiddenError {
  return new ForbiddenError(
    'COMMANDS_FORBIDDEN',
    `${operation} runs commands on this machine, and whoever it is called for gave no token: send "Authorization: Bearer" with the one from host.json.`,
    { phase: 'call' },
  );
}

export function tenantForbiddenError(tenant: string): ForbiddenError {
  return new ForbiddenError(
    'TENANT_FORBIDDEN',
    `Whoever this call is made for may call for the tenant ${JSON.stringify(tenant)} only: leave "Bellows-Tenant" out, or use another token.`,
    { phase: 'call' },
  );
}

function stopping(message: string, plugin: string): NotReadyError {
  return new NotReadyError('OPERATION_STOPPING', message, { plugin, phase: 'stop', retryAfterMs: STOP_RETRY_MS });
}

function shortened(name: string): string {
  return name.length > MAX_SHOWN_LENGTH ? `${name.slice(0, MAX_SHOWN_LENGTH)}…` : name;
}
