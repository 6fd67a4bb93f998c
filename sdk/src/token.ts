import type { IClock } from './clock.js';
import type { IEventBus } from './event-bus-contract.js';
import type { ILogger } from './logger.js';
import type { IMachine } from './machine.js';
import type { IOperations } from './operations.js';
import type { IRandom } from './random.js';
import type { IUploads } from './uploads.js';

/** Names a service of type `T`. Identity is the text, so two copies of a package agree on it. */
export interface Token<T> {
  readonly key: symbol;
  readonly description: string;
  /** Carries the type only; never there at run time. */
  readonly __service?: T;
}

export function createToken<T>(name: string): Token<T> {
  return Object.freeze({ key: Symbol.for(`bellows/${name}`), description: name });
}

/** The start of the host as a whole. */
export interface IHostStart {
  /** Resolves when every plugin of the configuration has been tried: what others offer is there now, or its plugin is not up. Never rejects. */
  readonly complete: Promise<void>;
}

/** What the host gives to every plugin through `ctx.get(token)`. */
export const TOKENS = Object.freeze({
  Bus: createToken<IEventBus>('Bus'),
  Operations: createToken<IOperations>('Operations'),
  Clock: createToken<IClock>('Clock'),
  Random: createToken<IRandom>('Random'),
  Logger: createToken<ILogger>('Logger'),
  Machine: createToken<IMachine>('Machine'),
  Uploads: createToken<IUploads>('Uploads'),
  HostStart: createToken<IHostStart>('HostStart'),
});
