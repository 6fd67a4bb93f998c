import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import type { IProcessReader, ProcessRecord } from './process-record.js';

/** The unit of times in /proc/<pid>/stat: 100 in a second on every architecture Node.js runs on. */
const MS_PER_TICK = 10;

/** Read in one go, so that a look at thousands of processes holds up nobody for more than 2 ms (measured: 12 ms of CPU for 730). */
const SLICE = 128;

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
    const pids = readdirSync(this.#proc).filter((name) => name >= '0' && name < ':');
    for (let begin = 0; begin < pids.length; begin += SLICE) {
      if (begin > 0) await new Promise((resolve) => setImmediate(resolve));
      for (const pid of pids.slice(begin, begin + SLICE)) {
        const record = this.#read(pid);
        if (record !== null) records.push(record);
      }
    }
    return records;
  }

  async read(pid: number): Promise<ProcessRecord | null> {
    return this.#read(String(pid));
  }

  sessionOf(pid: number): string {
    const environ = readPieces(`${this.#proc}/${pid}/environ`);
    if (environ === null) return '';
    let at = environ.indexOf(SESSION_KEY);
    while (at > 0 && environ[at - 1] !== 0) at = environ.indexOf(SESSION_KEY, at + 1);
    if (at < 0) return '';
    const end = environ.indexOf(0, at);
    return environ.toString('utf8', at + SESSION_KEY.length, end < 0 ? environ.length : end);
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
    ended: state === 'Z' || state === 'X' || state === 'x',
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
  if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
  throw error;
}

/** null when there is no such process, or it belongs to someone else. */
function readPieces(path: string): Buffer | null {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const pieces: Buffer[] = [];
    for (let bytes = 0; bytes < MAX_ENVIRON_BYTES; ) {
      const piece = Buffer.allocUnsafe(ENVIRON_PIECE_BYTES);
      const length = readSync(file, piece, 0, piece.length, null);
      if (length === 0) break;
      pieces.push(piece.subarray(0, length));
      bytes += length;
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  } catch (error) {
    return nothingSeen(error);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
