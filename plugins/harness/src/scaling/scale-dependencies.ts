import { type CacheStats, type IClock, type ILogger, silentLogger, systemClock } from '@bellows/sdk';

/** Work that is verified and waits to land. */
export interface IMergeQueue {
  readonly depth: number;
}

/** What waits, now. */
export interface IssueQueue {
  /** Waiting for nothing but a worker. */
  readonly ready: number;
  /** Ready, or waiting for other issues. */
  readonly waiting: number;
  /** Age of the oldest ready one, ms; 0 when none waits. */
  readonly oldestReadyMs: number;
  /** Why others wait that no worker could take; '' or missing when there are none. */
  readonly unavailable?: string;
}

/** What a `ScaleManager` works with where it does not stand alone. */
export interface ScaleDependencies {
  readonly clock?: IClock;
  readonly logger?: ILogger;
  /** Read whenever it is asked; default: nothing ever waits. */
  readonly queue?: IssueQueue;
  /** The cache its metrics tell of. */
  readonly cache?: { stats(): CacheStats };
  /** Where `displayMetrics` writes; default: standard output. */
  readonly display?: (text: string) => void;
}

export interface ScaleServices extends Required<Omit<ScaleDependencies, 'cache'>> {
  readonly cache: ScaleDependencies['cache'] | undefined;
}

export function scaleServices({ clock, logger, queue, cache, display }: ScaleDependencies): ScaleServices {
  return {
    clock: clock ?? systemClock,
    logger: logger ?? silentLogger,
    queue: queue ?? EMPTY_QUEUE,
    cache,
    display: display ?? ((text) => console.log(text)),
  };
}

const EMPTY_QUEUE: IssueQueue = Object.freeze({ ready: 0, waiting: 0, oldestReadyMs: 0 });
