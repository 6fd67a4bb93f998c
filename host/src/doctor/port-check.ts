import { type Finding, fail, ok, type Place } from './finding.js';
import type { Probes } from './probes.js';

/** Whether a host could listen where the configuration says; listens there for a moment. */
export async function checkPort({ probes, address, port, host, isHeld }: Place): Promise<Finding> {
  const where = `${address}:${port}`;
  if (port === 0) return ok('any free one');
  const code = await probes.tryListen(address, port);
  if (code === undefined) return ok(`${where} is free`);
  if (code === 'EACCES') return fail(`${where} is for privileged users only`, 'Choose a port from 1024 on (host.port or --port).');
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return fail(`${address} is no address of this machine`, 'Set host.address to one that is, for example 127.0.0.1.');
  if (code !== 'EADDRINUSE')
    return fail(`nothing can listen on ${where} (${code})`, 'Choose another address or port (host.address, host.port).');
  if (host !== null && isHeld !== false && portOf(host.url) === port) return ok(`${where} is held by the host that runs here`);
  const [holder = 'another process', neighbour] = await Promise.all([holderOf(probes, port), probes.askPort(address, port)]);
  if (neighbour === undefined) {
    return fail(`${where} is taken by ${holder}`, 'Stop what holds it, or choose another port (host.port, BELLOWS_PORT or --port).');
  }
  const { dataDir = 'a folder it does not tell' } = neighbour;
  return fail(
    `${where} is taken by another Bellows host (${holder}, data in ${dataDir})`,
    'Leave it and choose another port for this one (host.port, BELLOWS_PORT or --port); --data names its folder to the other commands.',
  );
}

function portOf(url: string): number | undefined {
  return URL.canParse(url) ? Number(new URL(url).port || 80) : undefined;
}

/** State of a listening socket in /proc/net/tcp. */
const LISTENING = '0A';

/** `process 12 (nginx)`, where /proc shows the files of that process to this user. */
async function holderOf(probes: Probes, port: number): Promise<string | undefined> {
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((file) => probes.readText(file)));
  const sockets = new Set(tables.flatMap((table) => socketsOn(table ?? '', port)));
  if (sockets.size === 0) return undefined;
  for (const pid of await probes.list('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    for (const descriptor of await probes.list(`/proc/${pid}/fd`)) {
      const target = await probes.readLink(`/proc/${pid}/fd/${descriptor}`);
      if (target === undefined || !sockets.has(target)) continue;
      const name = (await probes.readText(`/proc/${pid}/comm`))?.trim();
      return `process ${pid}${name ? ` (${name})` : ''}`;
    }
  }
  return undefined;
}

function socketsOn(table: string, port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return table.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const [, local = '', , state] = fields;
    return local.endsWith(`:${hex}`) && state === LISTENING ? [`socket:[${fields[9]}]`] : [];
  });
}
