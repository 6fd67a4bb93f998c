import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isBellowsError, messageOf } from '@bellows/sdk';
import { harnessError } from '../errors.js';
import type { IRepository, ProcessIdentity } from '../jobs/session-contracts.js';
import { KeyedMutex } from './keyed-mutex.js';

export interface ClaimOwner extends ProcessIdentity {
  /** Tells people which host it is. */
  readonly dataDir: string;
}

export interface BranchClaimsOptions {
  readonly owner: ClaimOwner;
  isAlive(identity: ProcessIdentity): boolean | Promise<boolean>;
}

/** The right to land on a branch until it is given back; twice is fine. */
export interface BranchClaim extends AsyncDisposable {
  release(): Promise<void>;
}

/**
 * Keeps two hosts from working on one branch, by a file below `bellows/claims` of the repository. The claim of a process that has ended is
 * taken over, by exactly one. It saves work, not commits: those are safe by the compare-and-swap of every landing.
 *
 * Who replaces the claim of a dead owner first makes `<nonce of that claim>.next`, which only one can, and renames it over the claim. Such a
 * file is a claim itself: when its owner died too, it is replaced in the same way.
 */
export class BranchClaims {
  readonly #options: BranchClaimsOptions;
  readonly #held = new Map<string, Held>();
  readonly #turns = new KeyedMutex();

  constructor(options: BranchClaimsOptions) {
    this.#options = options;
  }

  /** `BRANCH_IN_USE` while another live host has it. The same host may claim it any number of times; the last to release ends the claim. */
  async claim(repository: IRepository, branch: string): Promise<BranchClaim> {
    const file = path.join(repository.commonDir, 'bellows', 'claims', `${encoded(branch)}.json`);
    await this.#turns.run(file, async () => {
      const held = this.#held.get(file) ?? { nonce: await this.#acquire(file, branch), users: 0 };
      this.#held.set(file, { ...held, users: held.users + 1 });
    });
    let released: Promise<void> | undefined;
    const release = () => (released ??= this.#release(file));
    return { release, [Symbol.asyncDispose]: release };
  }

  #release(file: string): Promise<void> {
    return this.#turns.run(file, async () => {
      const held = this.#held.get(file);
      if (held === undefined) return;
      if (held.users > 1) return void this.#held.set(file, { ...held, users: held.users - 1 });
      this.#held.delete(file);
      if ((await read(file))?.nonce === held.nonce) await rm(file, { force: true });
    });
  }

  /** The nonce of the claim. */
  async #acquire(file: string, branch: string): Promise<string> {
    const nonce = randomUUID();
    const own = path.join(path.dirname(file), `${nonce}.new`);
    try {
      await mkdir(path.dirname(file), { recursive: true });
      // whole before it gets its name: nobody reads half a claim
      await writeFile(own, `${JSON.stringify({ ...this.#options.owner, branch, nonce })}\n`, { flag: 'wx' });
      const holder = await this.#take(file, own);
      if (holder !== null) throw inUse(branch, holder);
      return nonce;
    } catch (error) {
      if (isBellowsError(error)) throw error;
      throw harnessError('REPO_INVALID', `The claim of ${branch} cannot be written into the repository: ${messageOf(error)}`, {
        cause: error,
      });
    } finally {
      await rm(own, { force: true }).catch(() => {});
    }
  }

  /** Gives the file `own` the name `file` too. Null when that is done, else the live owner of what has the name. */
  async #take(file: string, own: string): Promise<ClaimOwner | null> {
    for (;;) {
      if (await linked(own, file)) return null;
      const holder = await read(file);
      if (holder === null) continue;
      if (holder.owner !== null && (await this.#lives(holder.owner))) return holder.owner;
      const next = path.join(path.dirname(file), `${holder.nonce}.next`);
      const other = await this.#take(next, own);
      if (other !== null) return other;
      // from here on nobody else replaces this holder; somebody may have done it before
      if ((await read(file))?.nonce === holder.nonce) {
        await rename(next, file);
        return null;
      }
      await unlink(next);
    }
  }

  /** A claim of this very host that it does not know of is one that it could not remove. */
  async #lives(owner: ClaimOwner): Promise<boolean> {
    const { pid, startedAt, dataDir } = this.#options.owner;
    if (owner.pid === pid && owner.startedAt === startedAt && owner.dataDir === dataDir) return false;
    return this.#options.isAlive({ pid: owner.pid, startedAt: owner.startedAt });
  }
}

interface Held {
  readonly nonce: string;
  readonly users: number;
}

interface Claim {
  /** Null for a file that is no claim, such as one that a full disk cut. */
  readonly owner: ClaimOwner | null;
  readonly nonce: string;
}

/** A file name holds 255 bytes; percent signs make three of one. */
const MAX_NAME_LENGTH = 150;

function encoded(branch: string): string {
  const name = encodeURIComponent(branch);
  return name.length <= MAX_NAME_LENGTH ? name : `${name.slice(0, MAX_NAME_LENGTH - 65)}-${hash(branch)}`;
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function read(file: string): Promise<Claim | null> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  return parsed(text) ?? { owner: null, nonce: hash(text) };
}

function parsed(text: string): Claim | null {
  try {
    const { pid, startedAt, dataDir, nonce } = JSON.parse(text) as Record<string, unknown>;
    if (!Number.isSafeInteger(pid) || typeof startedAt !== 'string' || typeof dataDir !== 'string') return null;
    // it becomes part of a file name
    if (typeof nonce !== 'string' || !/^[0-9a-f-]{36}$/.test(nonce)) return null;
    return { owner: { pid: pid as number, startedAt, dataDir }, nonce };
  } catch {
    return null;
  }
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function inUse(branch: string, { pid, startedAt, dataDir }: ClaimOwner) {
  const message = `The host with the data folder ${dataDir} (process ${pid}) lands on the branch ${branch} of this repository. Name another branch, or let it finish`;
  return harnessError('BRANCH_IN_USE', message, { data: { pid, startedAt, dataDir } });
}
