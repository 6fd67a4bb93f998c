import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { timeRestarts } from '../restarts.mjs';
import { figure, rounds } from '../statistics.mjs';

const ERLANG = path.join(import.meta.dirname, '../peers/restarts.escript');
const PER_SUPERVISOR = 100;

/** From the end of a child until its successor is up. Ours are objects of one heap, those of Erlang/OTP isolated processes. */
export async function supervisorFigures({ quick }) {
  const count = quick ? 2_000 : 100_000;
  await timeRestarts(count, PER_SUPERVISOR); // compiled before it is timed, as the peer does
  const withErlang = isInstalled('escript');
  if (!withErlang) console.error('  Erlang/OTP is not measured: there is no `escript` here');
  const values = await rounds(quick ? 1 : 9, {
    ours: () => timeRestarts(count, PER_SUPERVISOR),
    ...(withErlang ? { peer: () => timeErlang(count) } : {}),
  });
  const of = (who, key) => values[who].map((value) => value[key]);
  const figures = (who, title, better) => [
    figure(`supervisor: ${title}, restarts per second`, '/s', better('higher'), of(who, 'perSecond')),
    figure(`supervisor: ${title}, p50 of a restart`, 'µs', better('lower'), of(who, 'p50Us')),
    figure(`supervisor: ${title}, p99 of a restart`, 'µs', better('lower'), of(who, 'p99Us')),
    figure(`supervisor: ${title}, CPU of a restart`, 'µs', better('lower'), of(who, 'cpuUs')),
  ];
  return [...figures('ours', 'one child', (better) => better), ...(withErlang ? figures('peer', 'peer, Erlang/OTP', () => 'none') : [])];
}

async function timeErlang(count) {
  const child = spawn('escript', [ERLANG, String(count), String(PER_SUPERVISOR)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (code !== 0) throw new Error(`the peer of Erlang/OTP ended with ${code}`);
  return JSON.parse(printed);
}

function isInstalled(program) {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return folders.some((folder) => existsSync(path.join(folder, program)));
}
