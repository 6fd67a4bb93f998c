import type { HostReading, Probes } from './probes.js';

/** `unknown`: it cannot be told here, for example on this platform. Only `fail` keeps a host from running. */
export type FindingState = 'ok' | 'warn' | 'fail' | 'unknown';

/** What one check saw, in words for an operator. */
export interface Finding {
  readonly state: FindingState;
  /** What was found, also where it is good. */
  readonly found: string;
  /** What to do about it; always there with `warn` and `fail`. */
  readonly todo?: string;
}

/** One question about the machine or the folder. */
export interface Check {
  readonly id: string;
  /** Changes nothing that stays. May reject and may hang: `examine` bounds it. */
  run(place: Place): Promise<Finding>;
}

export interface NamedFinding extends Finding {
  readonly id: string;
}

/** Where a host would run: what the configuration says, or its defaults where that cannot be read. */
export interface Place {
  readonly probes: Probes;
  readonly configFile: string | undefined;
  readonly configProblems: readonly string[];
  readonly address: string;
  readonly port: number;
  /** Absolute. */
  readonly dataDir: string;
  /** Absolute. */
  readonly secretFiles: readonly string[];
  /** What a host wrote of itself in the data folder, whether or not it still runs. */
  readonly host: HostReading | null;
  /** Whether a process holds the data folder; undefined when that cannot be told. Numbers of processes are given again, locks are not. */
  readonly isHeld: boolean | undefined;
}

export function ok(found: string): Finding {
  return { state: 'ok', found };
}

export function warn(found: string, todo: string): Finding {
  return { state: 'warn', found, todo };
}

export function fail(found: string, todo: string): Finding {
  return { state: 'fail', found, todo };
}

export function unknown(found: string): Finding {
  return { state: 'unknown', found };
}
