/** Types for the tests, which are TypeScript. */
export interface WorldHost {
  readonly url: string;
  readonly pid: number;
  call(name: string, input?: unknown): Promise<Record<string, unknown>>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface PageWorld {
  readonly folder: string;
  readonly repo: string;
  readonly host: WorldHost;
  stop(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

export function openPageWorld(extra?: {
  readonly host?: Readonly<Record<string, unknown>>;
  readonly plugins?: Readonly<Record<string, unknown>>;
}): Promise<PageWorld>;
export function doWork(world: Pick<PageWorld, 'host' | 'repo'>): Promise<void>;
export function defineAll(host: WorldHost): Promise<void>;
export function putModules(host: WorldHost): Promise<void>;
export function startJob(world: Pick<PageWorld, 'host' | 'repo'>, id: string, issues?: readonly object[]): Promise<string>;
