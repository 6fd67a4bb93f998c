import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks per second of /proc (USER_HZ): 100 on every Linux Node runs on. */
const TICKS_PER_SECOND = 100;

/** A process and everything below it. Linux only, as are the readings below; elsewhere they answer undefined. */
export function familyOf(pid) {
  const parents = new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => [Number(name), Number(stat(name)?.[1])]),
  );
  const family = [pid];
  for (let at = 0; at < family.length; at += 1) {
    for (const [child, parent] of parents) if (parent === family[at]) family.push(child);
  }
  return family;
}

/** RSS counts shared pages in every process, PSS divides them among those that share them. MiB. */
export function memoryOf(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const field = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) / 1024;
  return { rssMiB: field('Rss'), pssMiB: field('Pss') };
}

/** CPU time used so far by all of them, ms. */
export function cpuMs(pids) {
  const ticks = pids.reduce((sum, pid) => sum + Number(stat(pid)?.[11] ?? 0) + Number(stat(pid)?.[12] ?? 0), 0);
  return (ticks / TICKS_PER_SECOND) * 1000;
}

/** CPU time of a process and of all below it that have ended, ms. */
export function cpuWithEndedMs(pid) {
  return cpuMs([pid]) + cpuOfEndedMs(pid);
}

/** CPU time of the children that a process has seen end, theirs included, ms. */
export function cpuOfEndedMs(pid) {
  const fields = stat(pid);
  return ((Number(fields?.[13] ?? 0) + Number(fields?.[14] ?? 0)) / TICKS_PER_SECOND) * 1000;
}

/** Runs a script with this Node, calls `use` and ends the script whatever happens. */
export async function withProcess(args, use) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const exit = once(child, 'exit');
  try {
    return await use(child);
  } finally {
    child.kill('SIGTERM');
    await exit;
  }
}

function stat(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
