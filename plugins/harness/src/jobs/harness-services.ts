import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { type IClock, type ILogger, type IRandom, silentLogger, systemClock, systemRandom } from '@bellows/sdk';
import { Commands } from '../agent/commands.js';
import { identityOf, isAlive, systemProcesses } from '../agent/process-identity.js';
import { type ProgramPlace, programFault } from '../agent/program-fault.js';
import { type HarnessConfig, harnessConfigSchema, type ScaleConfig } from '../config.js';
import { BranchClaims } from '../git/branch-claims.js';
import { Landing } from '../git/landing.js';
import { openRepository } from '../git/repository.js';
import { AGENT_GIT_ENV } from '../git/run-git.js';
import { Workspaces } from '../git/workspaces.js';
import { scaleConfigFrom } from '../scaling/scale-config.js';
import type { ICommands, ILanding, IRepository, IWorkspaces, ProgressSigns, Workspace } from './session-contracts.js';
import { workspaceSigns } from './workspace-signs.js';

export interface IBranchClaims {
  /** `BRANCH_IN_USE` while another host has it. */
  claim(repository: IRepository, branch: string): Promise<{ release(): Promise<void> }>;
}

/** What is configured. Asked again at each use, because a change while the coordinator runs puts another whole in its place. */
export interface HarnessSettings {
  current: HarnessConfig;
}

/** Everything a coordinator works with that is not its own state. */
export interface HarnessServices {
  readonly settings: HarnessSettings;
  readonly clock: IClock;
  readonly random: IRandom;
  readonly logger: ILogger;
  /** Logs, files for agents, workspaces and the database are in it. */
  readonly dataDir: string;
  readonly cores: number;
  readonly commands: ICommands;
  readonly workspaces: IWorkspaces;
  readonly landing: ILanding;
  readonly claims: IBranchClaims;
  /** Environment of every command in a workspace. */
  readonly agentEnv: Readonly<Record<string, string>>;
  readonly display: (text: string) => void;
  openRepository(folder: string): Promise<IRepository>;
  /** Why a program could not be started in a workspace; null when nothing speaks against it. */
  programFault(program: string, place: ProgramPlace): Promise<string | null>;
  progressOf(workspace: Workspace): Promise<ProgressSigns>;
}

export type ServiceOverrides = Partial<Omit<HarnessServices, 'dataDir' | 'settings'>> & { readonly config?: HarnessConfig };

/** The real ones wherever `given` is silent; `scale` stands above what its configuration says. Makes the folders. */
export async function harnessServices(
  dataDir: string,
  given: ServiceOverrides = {},
  scale: ScaleConfig = scaleConfigFrom(given.config?.scale),
): Promise<HarnessServices> {
  const config = { ...(given.config ?? harnessConfigSchema.parse({})), scale };
  const { clock = systemClock, random = systemRandom, logger = silentLogger } = given;
  const folder = (name: string) => path.join(dataDir, name);
  for (const name of ['logs', 'issues', 'workspaces']) await mkdir(folder(name), PRIVATE_FOLDER);
  const workspaces = given.workspaces ?? new Workspaces({ folder: folder('workspaces'), clock, random, logger });
  return {
    settings: { current: config },
    clock,
    random,
    logger,
    dataDir,
    cores: given.cores ?? availableParallelism(),
    commands: given.commands ?? new Commands({ clock, logger }),
    workspaces,
    landing: given.landing ?? new Landing({ workspaces, clock, random }),
    claims: given.claims ?? (await ownClaims(dataDir)),
    agentEnv: given.agentEnv ?? AGENT_GIT_ENV,
    display: given.display ?? ((text) => console.log(text)),
    openRepository: given.openRepository ?? ((repo) => openRepository(repo)),
    programFault: given.programFault ?? programFault,
    progressOf: given.progressOf ?? ((workspace) => workspaceSigns(workspace, config.scale.workerStallTimeoutMs)),
  };
}

/** How folders for what agents are told, do and write are made: it may hold secrets, so that others of the machine must not read it. */
export const PRIVATE_FOLDER = Object.freeze({ recursive: true, mode: 0o700 });

/** Where the logs of a job are; absolute. */
export function logFolder({ dataDir }: Pick<HarnessServices, 'dataDir'>, jobId: string): string {
  return path.resolve(dataDir, 'logs', jobId);
}

async function ownClaims(dataDir: string): Promise<IBranchClaims> {
  const processes = systemProcesses();
  const own = await identityOf(process.pid, processes);
  const owner = { pid: process.pid, startedAt: own?.startedAt ?? '', dataDir };
  return new BranchClaims({ owner, isAlive: (identity) => isAlive(identity, processes) });
}
