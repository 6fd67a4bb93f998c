import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { IProcessReader, ProcessRecord } from './process-record.js';

const run = promisify(execFile);
const COLUMNS = 'pid=,ppid=,pgid=,sess=,stat=,time=,lstart=';
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/**
 * Looks at processes through `ps`, for systems without /proc. It does not see the environment of others: descendants that leave
 * the process group are found only while their parents live.
 */
export class PsProcesses implements IProcessReader {
  async list(): Promise<readonly ProcessRecord[]> {
    return parse(await ps(['-A', '-o', COLUMNS]));
  }

  async read(pid: number): Promise<ProcessRecord | null> {
    return parse(await ps(['-p', String(pid), '-o', COLUMNS]))[0] ?? null;
  }

  sessionOf(): string {
    return '';
  }
}

async function ps(args: readonly string[]): Promise<string> {
  try {
    // in the language of the system the times would change with its settings
    const { stdout } = await run('ps', args, { maxBuffer: MAX_OUTPUT_BYTES, env: { ...process.env, LC_ALL: 'C' } });
    return stdout;
  } catch {
    // ps fails when there is no such process
    return '';
  }
}

function parse(output: string): ProcessRecord[] {
  return output.split('\n').flatMap((line) => {
    const [, pid, parent, group, session, state, time, startedAt] =
      /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(.+?)\s*$/.exec(line) ?? [];
    if (pid === undefined) return [];
    const record: ProcessRecord = {
      pid: Number(pid),
      parentPid: Number(parent),
      groupId: Number(group),
      // macOS shows an address here, which is nobody's number
      systemSessionId: Number(session),
      ended: state!.startsWith('Z'),
      cpuMs: cpuMs(time!),
      startedAt: startedAt!,
    };
    return [record];
  });
}

/** `[[days-]hours:]minutes:seconds[.fraction]` */
function cpuMs(time: string): number {
  const [clock = '', days = '0'] = time.split('-').reverse();
  const seconds = clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return (Number(days) * 86_400 + seconds) * 1_000;
}
