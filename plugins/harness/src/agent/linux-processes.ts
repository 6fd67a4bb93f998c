import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import type { IProcessReader, ProcessRecord } from './process-record.js';

/** The unit of times in /proc/<pid>/stat: 100 in a second on every architecture Node.js runs on. */
const MS_PER_TICK = 10;

/** Read in one go, so that a look at thousands of processes holds up nobody for more than 2 ms (measured: 12 ms of CPU for 730). */
const SLICE = 128;

/** Programs that fork and end without pause, also ones that are nobody's business here, make every list incomplete: so often is asked who is new. */
const MAX_LISTS = 16;

const STAT_BYTES = 4_096;
const ENVIRON_PIECE_BYTES = 64 * 1024;

/** Linux allows far less than this for arguments and environment unless the limit of the stack was raised. */
const MAX_ENVIRON_BYTES = 4 * 1024 * 1024;

const SESSION_KEY = Buffer.from('BELLOWS_SESSION=');

/**
 * Looks at processes through /proc. It reads synchronously: /proc is made on the spot and waits for no disk, and a turn through the
 * pool of threads would cost more than the read.
 */
export class LinuxProcesses implements IProcessReader {
  readonly #proc: string;
  readonly #bootId: string;
  readonly #stat = Buffer.allocUnsafe(STAT_BYTES);

  /** `proc` is for tests. */
  constructor(proc = '/proc') {
    this.#proc = proc;
    this.#bootId = bootId(proc);
  }

  async list(): Promise<readonly ProcessRecord[]> {
    const records: ProcessRecord[] = [];
    const seen = new Set<string>();
    for (let lists = 0; lists < MAX_LISTS; lists += 1) {
      const pids = readdirSync(this.#proc).filter((name) => name >= '0' && name < ':' && !seen.has(name));
      let haveEnded = false;
      for (const [index, pid] of pids.entries()) {
        if (index > 0 && index % SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
        const record = this.#read(pid);
        seen.add(pid);
        if (record !== null) records.push(record);
        haveEnded ||= record === null || record.ended;
      }
      // a daemon forks and ends between the list of names and the look at it: then its child is not in that list
      if (!haveEnded) break;
    }
    // a machine on which programs end all the time must not keep a look from ending; the next look sees who was missed
    return records;
  }

  async read(pid: number): Promise<ProcessRecord | null> {
    return this.#read(String(pid));
  }

  sessionOf(pid: number): string | null {
    try {
      return sessionIn(readPieces(`${this.#proc}/${pid}/environ`));
    } catch (error) {
      if (isForeign(error)) return '';
      return nothingSeen(error);
    }
  }

  #read(pid: string): ProcessRecord | null {
    let file: number | undefined;
    try {
      file = openSync(`${this.#proc}/${pid}/stat`, 'r');
      const length = readSync(file, this.#stat, 0, STAT_BYTES, 0);
      return parseStat(this.#stat.toString('latin1', 0, length), this.#bootId);
    } catch (error) {
      return nothingSeen(error);
    } finally {
      if (file !== undefined) closeSync(file);
    }
  }
}

/** One line of /proc/<pid>/stat; null when it is none. The name, in parentheses, may itself hold parentheses, spaces and line ends. */
export function parseStat(line: string, bootId: string): ProcessRecord | null {
  const open = line.indexOf('(');
  const close = line.lastIndexOf(')');
  if (open < 2 || close < open) return null;
  // after the name: field 3 of proc(5) is here at 0
  const fields = line.slice(close + 2).split(' ');
  const number = (field: number) => Number(fields[field - 3]);
  const pid = Number(line.slice(0, open - 1));
  const startTicks = fields[22 - 3];
  if (!Number.isSafeInteger(pid) || startTicks === undefined) return null;
  const state = fields[0] ?? '';
  return {
    pid,
    parentPid: number(4),
    groupId: number(5),
    systemSessionId: number(6),
    // whose first thread has ended looks like one that has ended while the others go on
    ended: state === 'X' || state === 'x' || (state === 'Z' && number(20) <= 1),
    cpuMs: (number(14) + number(15) + number(16) + number(17)) * MS_PER_TICK,
    startedAt: `${bootId}:${startTicks}`,
  };
}

/** '' where the system does not tell it: then only the time since the boot tells processes apart. */
function bootId(proc: string): string {
  try {
    return readFileSync(`${proc}/sys/kernel/random/boot_id`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** It has ended since (no such file, or no such process on reading), or belongs to someone else. A host without free files must not take that for an end. */
function nothingSeen(error: unknown): null {
  if (isForeign(error) || ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
  throw error;
}

function isForeign(error: unknown): boolean {
  return ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function sessionIn(environ: Buffer): string | null {
  // that of a program that is being loaded is empty too
  if (environ.length === 0) return null;
  let at = environ.indexOf(SESSION_KEY);
  while (at > 0 && environ[at - 1] !== 0) at = environ.indexOf(SESSION_KEY, at + 1);
  if (at < 0) return '';
  const end = environ.indexOf(0, at);
  return environ.toString('utf8', at + SESSION_KEY.length, end < 0 ? environ.length : end);
}

function readPieces(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    const pieces: Buffer[] = [];
    for (let bytes = 0; bytes < MAX_ENVIRON_BYTES; ) {
      const piece = Buffer.allocUnsafe(ENVIRON_PIECE_BYTES);
      const length = readSync(file, piece, 0, piece.length, null);
      if (length === 0) break;
      pieces.push(piece.subarray(0, length));
      bytes += length;
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  } finally {
    closeSync(file);
  }
}
