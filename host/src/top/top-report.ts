import type { IClock } from '@bellows/sdk';
import type { CliIo } from '../cli/cli-deps.js';
import { type FollowOptions, followHost } from './follow-host.js';
import { renderTop } from './render-top.js';
import { textOf } from './styled-line.js';
import type { TopData } from './top-data.js';
import { FIRST_VIEW } from './top-view.js';

export interface ReportOptions {
  readonly io: CliIo;
  readonly clock: IClock;
  readonly ascii: boolean;
  readonly follow: Pick<FollowOptions, 'connect' | 'intervalMs'>;
}

/** Readings after which a host without subsystems is taken as it is. */
const PATIENT_READINGS = 3;
/** A file or a pipe has no width; this is read well everywhere. */
const PLAIN_COLUMNS = 120;

/** One frame as plain text, as soon as rates can be told; resolves false when it was interrupted before. */
export async function printFrame({ io, clock, ascii, follow }: ReportOptions): Promise<boolean> {
  const data = await firstTelling({ io, clock, follow });
  if (data === undefined) return false;
  const columns = io.stdout.columns || (/^[1-9]\d{1,3}$/.test(io.env.COLUMNS ?? '') ? Number(io.env.COLUMNS) : PLAIN_COLUMNS);
  const lines = renderTop(data, FIRST_VIEW, { columns, rows: Number.POSITIVE_INFINITY, ascii, now: clock.now() });
  io.stdout.write(`${lines.map((line) => textOf(line).trimEnd()).join('\n')}\n`);
  return true;
}

/** One line of JSON for each reading, or for the first telling one alone. Resolves false when it was interrupted. */
export async function printJsonLines({ io, clock, follow }: ReportOptions, { once }: { readonly once: boolean }): Promise<boolean> {
  const print = (data: TopData) => io.stdout.write(`${JSON.stringify(lineOf(data, clock.now()))}\n`);
  if (once) {
    const data = await firstTelling({ io, clock, follow });
    if (data !== undefined) print(data);
    return data !== undefined;
  }
  const ended = new AbortController();
  const signal = AbortSignal.any([io.signal, ended.signal]);
  await followHost({
    ...follow,
    clock,
    signal,
    onData: (data, reading) => {
      if (reading || data.connection.state === 'lost') print(data);
      // Whoever read has seen enough, as head does.
      if (io.stdout.errored || io.stdout.destroyed) ended.abort();
    },
  });
  return ended.signal.aborted;
}

async function firstTelling({ io, clock, follow }: Pick<ReportOptions, 'io' | 'clock' | 'follow'>): Promise<TopData | undefined> {
  const found = new AbortController();
  let telling: TopData | undefined;
  let readings = 0;
  await followHost({
    ...follow,
    clock,
    signal: AbortSignal.any([io.signal, found.signal]),
    onData: (data, reading) => {
      readings += reading ? 1 : 0;
      if (telling !== undefined || !(isTelling(data) || readings > PATIENT_READINGS)) return;
      telling = data;
      found.abort();
    },
  });
  return telling;
}

function isTelling({ tracks }: TopData): boolean {
  return tracks.size > 0 && [...tracks.values()].every(({ rates }) => rates !== undefined);
}

function lineOf({ url, connection, status, tracks, decisions }: TopData, at: number): unknown {
  const rates = Object.fromEntries([...tracks].map(([name, track]) => [name, track.rates ?? null]));
  return { at, url, connection, status, rates, decisions: decisions.slice(0, 10) };
}
