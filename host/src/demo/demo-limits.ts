/** How much is done at most. What there is beyond it is left out, and said to be. */
export interface DemoLimits {
  /** Texts of the last commit. */
  readonly texts: number;
  /** Bytes of one text; larger ones are left out. */
  readonly textBytes: number;
  /** Bytes of all texts of the last commit together. */
  readonly allTextBytes: number;
  /** Earlier versions of texts. */
  readonly versions: number;
  /** Commits whose changes are looked at. */
  readonly loggedCommits: number;
  /** Commits that get a run of a workflow. */
  readonly commits: number;
  /** Folders that get an index written by an agent. */
  readonly folders: number;
  readonly filesInFolder: number;
  /** Files of the clone: each agent gets a working folder with all of them. */
  readonly clonedFiles: number;
  /** A larger history is referred to and not copied. */
  readonly copiedKib: number;
  /** How long compute works alone, so that one sees what it is given then. */
  readonly aloneMs: number;
  /** How long it may take until what was given is given back. */
  readonly restMs: number;
  /** When nothing has got on for so long, it is given up. */
  readonly stuckMs: number;
  /** Calls that are under way at once. */
  readonly callsAtOnce: number;
}

const MIB = 1024 * 1024;

export const FULL: DemoLimits = Object.freeze({
  texts: 800,
  textBytes: 256 * 1024,
  allTextBytes: 32 * MIB,
  versions: 3_000,
  loggedCommits: 1_000,
  commits: 300,
  folders: 12,
  filesInFolder: 25,
  clonedFiles: 3_000,
  copiedKib: 100 * 1024,
  aloneMs: 4_000,
  restMs: 15_000,
  stuckMs: 60_000,
  callsAtOnce: 16,
});

export const QUICK: DemoLimits = Object.freeze({
  ...FULL,
  texts: 60,
  versions: 300,
  commits: 30,
  folders: 3,
  filesInFolder: 10,
  aloneMs: 1_500,
  restMs: 8_000,
});
