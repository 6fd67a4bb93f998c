/** One process as the system showed it at one moment. */
export interface ProcessRecord {
  readonly pid: number;
  readonly parentPid: number;
  readonly groupId: number;
  /** What `setsid` begins; no session of ours. */
  readonly systemSessionId: number;
  /** Ended, and only waits for its parent to hear of it: it does nothing and needs no ending. */
  readonly ended: boolean;
  /** CPU time of itself and of the children it waited for. */
  readonly cpuMs: number;
  /** As in `ProcessIdentity`: tells it apart from a later process of the same number. */
  readonly startedAt: string;
}

/** How processes are looked at; one for each kind of system. */
export interface IProcessReader {
  /**
   * All that can be seen; rejects rather than leave out what it could not look at. Those that begin or end meanwhile may be in it or not,
   * but who ends meanwhile does not hide who it started before: one that forks and ends is in it, or its child is.
   */
  list(): Promise<readonly ProcessRecord[]>;
  /** null when there is none of this number. Also one that has ended and waits for its parent. */
  read(pid: number): Promise<ProcessRecord | null>;
  /** `BELLOWS_SESSION` of the environment it was started with; '' without one or when it may not be read, null when it is gone or being loaded. */
  sessionOf(pid: number): string | null;
}
