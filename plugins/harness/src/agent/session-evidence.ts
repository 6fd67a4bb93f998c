import { stat } from 'node:fs/promises';
import type { IClock } from '@bellows/sdk';
import type { ProgressSigns } from '../jobs/session-contracts.js';
import type { Evidence } from '../scaling/judge-stall.js';
import type { SessionProcesses } from './process-tree.js';

export interface EvidenceSources {
  readonly clock: IClock;
  readonly progress?: ProgressSigns | undefined;
  /** When it last wrote, on the monotonic clock; -Infinity before. */
  lastOutputAtMs(): number;
  processes(): Promise<Pick<SessionProcesses, 'cpuMs' | 'changes'>>;
}

/** Less CPU is no life yet: it is added up from look to look, because the looks may be close to each other. */
const NOTICEABLE_CPU_MS = 50;

/** Half of the documented ten minutes after which a session counts as stalled. */
const DIGEST_AFTER_MS = 5 * 60_000;

/** A look does not wait longer for a digest; its answer is used at a later one. */
const DIGEST_WAIT_MS = 5_000;

/** Remembers the signs of life and progress of one session. A sign is as old as the look that found it, output excepted. */
export class SessionEvidence {
  readonly #sources: EvidenceSources;
  #files: string;
  #digest = '';
  #digesting: Promise<void> | null = null;
  #cpuMs = 0;
  #changes = 0;
  #progressAtMs: number;
  #lifeAtMs = Number.NEGATIVE_INFINITY;

  private constructor(sources: EvidenceSources, files: string) {
    this.#sources = sources;
    this.#files = files;
    this.#progressAtMs = sources.clock.monotonicMs();
  }

  /** Before the session starts: what changes from then on is progress. */
  static async begin(sources: EvidenceSources): Promise<SessionEvidence> {
    return new SessionEvidence(sources, await stamp(sources.progress?.files ?? []));
  }

  /** Looks and remembers. Any number at once. Never rejects. */
  async look(): Promise<Evidence> {
    await Promise.all([this.#lookForLife(), this.#lookForProgress()]);
    const now = this.#sources.clock.monotonicMs();
    const lifeAtMs = Math.max(this.#lifeAtMs, this.#sources.lastOutputAtMs());
    return { progressAgeMs: now - this.#progressAtMs, lifeAgeMs: now - lifeAtMs };
  }

  async #lookForLife(): Promise<void> {
    const processes = await this.#sources.processes().catch(() => null);
    if (processes === null) {
      // a host that cannot look knows nothing: nobody is ended for that, and who is busy for ever is so all the same
      this.#lifeAtMs = this.#sources.clock.monotonicMs();
      return;
    }
    const { cpuMs, changes } = processes;
    const hasUsedCpu = cpuMs - this.#cpuMs >= NOTICEABLE_CPU_MS;
    // a process that ended takes its CPU time along; little is added up until it is noticeable
    if (hasUsedCpu || cpuMs < this.#cpuMs) this.#cpuMs = cpuMs;
    if (hasUsedCpu || changes !== this.#changes) this.#lifeAtMs = this.#sources.clock.monotonicMs();
    this.#changes = changes;
  }

  async #lookForProgress(): Promise<void> {
    const { clock, progress } = this.#sources;
    if (progress === undefined) return;
    const files = await stamp(progress.files);
    if (files !== this.#files) {
      this.#files = files;
      this.#progressAtMs = clock.monotonicMs();
    }
    const { digest, digestAfterMs = DIGEST_AFTER_MS } = progress;
    if (digest === undefined || clock.monotonicMs() - this.#progressAtMs < digestAfterMs) return;
    this.#digesting ??= this.#takeDigest(digest);
    const giveUp = new AbortController();
    await Promise.race([this.#digesting, clock.sleep(DIGEST_WAIT_MS, giveUp.signal).catch(() => {})]);
    giveUp.abort();
  }

  async #takeDigest(digest: () => Promise<string>): Promise<void> {
    try {
      const now = await digest();
      if (now !== this.#digest) {
        this.#digest = now;
        this.#progressAtMs = this.#sources.clock.monotonicMs();
      }
    } catch {
      // the workspace may be in the middle of a change; the next look asks again
    }
    this.#digesting = null;
  }
}

/** Changes when one of the files is written, replaced, made or removed. */
async function stamp(files: readonly string[]): Promise<string> {
  const stamps = files.map((file) =>
    stat(file, { bigint: true }).then(
      ({ mtimeNs, size, ino }) => `${mtimeNs} ${size} ${ino}`,
      () => 'none',
    ),
  );
  return (await Promise.all(stamps)).join('\n');
}
