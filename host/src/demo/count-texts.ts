import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isBellowsError } from '@bellows/sdk';
import { differenceOf, type GuestCounts, parseGuestCounts } from './count-text.js';
import type { PartReport } from './demo-report.js';
import { counted, type DemoWork, forEachAtOnce, thousands } from './demo-work.js';
import { packageFolder } from './package-folder.js';
import type { PlannedText } from './plan-work.js';
import { type ReadText, readTexts } from './read-blobs.js';

interface Invoked {
  readonly exitCode?: number;
  readonly stdout?: string;
}

interface CountedText extends PlannedText, GuestCounts {
  readonly isCurrent: boolean;
}

const MODULE = 'count-texts';
const LEAST_PAUSE_MS = 50;

/** The part of compute: every text of the last commit, then earlier versions of them, counted in WebAssembly and compared. */
export class CountTexts {
  readonly #work: DemoWork;
  readonly #counted: CountedText[] = [];
  readonly #problems: string[] = [];
  #pauses = 0;
  #isEnough = false;
  #seconds = 0;

  constructor(work: DemoWork) {
    this.#work = work;
  }

  /** Gives the module to the host; to be called before anything has texts counted. */
  static async install({ client }: Pick<DemoWork, 'client'>): Promise<void> {
    const wasm = await readFile(path.join(packageFolder(), 'dist', 'demo', `${MODULE}.wasm`));
    await client.call('compute.put', { name: MODULE, wasm: wasm.toString('base64') });
  }

  /** What it has come to, for progress. */
  get said(): string {
    const { plan } = this.#work;
    const all = counted(plan.texts.length + plan.versions.length, 'text');
    return `${thousands(this.#counted.length)} of ${all}`;
  }

  /** Resolves when everything is counted, or, after `enough`, what was under way and the texts of the last commit. Once. */
  async run(): Promise<void> {
    const { clock, limits } = this.#work;
    const startedAt = clock.monotonicMs();
    await forEachAtOnce(limits.callsAtOnce, this.#read(), (one) => this.#countOne(one));
    this.#seconds = (clock.monotonicMs() - startedAt) / 1_000;
  }

  /** No more earlier versions are begun. */
  enough(): void {
    this.#isEnough = true;
  }

  /** Writes the tables; to be called after `run`. */
  async report(): Promise<PartReport> {
    const { folder } = this.#work;
    const current = this.#counted.filter(({ isCurrent }) => isCurrent);
    const earlier = this.#counted.filter(({ isCurrent }) => !isCurrent);
    await writeFile(folder.file('results', 'texts.csv'), table(current));
    if (earlier.length > 0) await writeFile(folder.file('results', 'versions.csv'), table(earlier));
    const sum = (of: (one: CountedText) => number) => current.reduce((total, one) => total + of(one), 0);
    const [words, headings, links] = [sum((one) => one.words), sum((one) => one.headings), sum((one) => one.links)];
    const seconds = this.#seconds;
    const perSecond = seconds > 0 ? this.#counted.length / seconds : 0;
    const all = this.#counted.length;
    return {
      part: 'compute',
      seconds,
      did: [
        `${counted(all, 'text')} counted in WebAssembly, ${thousands(perSecond)} a second`,
        `${thousands(current.length)} of the last commit with ${counted(words, 'word')}${earlier.length > 0 ? `; ${counted(earlier.length, 'earlier version')}` : ''}`,
        ...(this.#pauses > 0 ? [`the host asked to wait ${counted(this.#pauses, 'time')}`] : []),
      ],
      figures: {
        texts: current.length,
        versions: earlier.length,
        words,
        headings,
        links,
        perSecond,
        pauses: this.#pauses,
      },
      verified: this.#problems.length > 0 ? [] : [`${counted(all, 'result')}, with a count in JavaScript: all the same`],
      problems: [...this.#problems, ...(current.length === 0 ? ['no text was counted'] : [])],
    };
  }

  async *#read(): AsyncGenerator<ReadText & { readonly isCurrent: boolean }> {
    const { clone, plan, git, limits } = this.#work;
    const from = { folder: clone, mostBytes: limits.textBytes };
    for await (const text of readTexts(from, plan.texts, git)) yield { ...text, isCurrent: true };
    for await (const text of readTexts(from, plan.versions, git)) {
      if (this.#isEnough) return;
      yield { ...text, isCurrent: false };
    }
  }

  async #countOne({ bytes, ...text }: ReadText & { readonly isCurrent: boolean }): Promise<void> {
    const { exitCode, stdout = '' } = await this.#invoke(bytes);
    if (exitCode !== 0) throw new Error(`count-texts ended with ${exitCode} on ${text.path}`);
    const counts = parseGuestCounts(Buffer.from(stdout, 'base64').toString().trimEnd());
    const difference = differenceOf(counts, bytes);
    if (difference !== undefined) this.#problems.push(`${text.path}: ${difference}`);
    this.#counted.push({ ...text, ...counts });
  }

  /** A host that has no room says when to come back. */
  async #invoke(input: Buffer): Promise<Invoked> {
    const { client, clock, git } = this.#work;
    for (;;) {
      try {
        return await client.call<Invoked>('compute.invoke', { module: MODULE, input: input.toString('base64') });
      } catch (error) {
        if (!isBellowsError(error) || error.kind !== 'capacity') throw error;
        this.#pauses += 1;
        await clock.sleep(Math.max(LEAST_PAUSE_MS, error.retryAfterMs ?? 0), git.signal);
      }
    }
  }
}

function table(texts: readonly CountedText[]): string {
  const rows = texts.map(({ path: file, blob, bytes, lines, words, headings, links, repeat }) =>
    [`"${file.replaceAll('"', '""')}"`, blob, bytes, lines, words, headings, links, repeat.length].join(','),
  );
  return `${['path,blob,bytes,lines,words,headings,links,longest repeat', ...rows.sort()].join('\n')}\n`;
}
