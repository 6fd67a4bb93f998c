// A store whose process was killed after its first acknowledged write.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = `
  import { openStore } from ${JSON.stringify(new URL('./open-store.mjs', import.meta.url).href)};
  const store = await openStore('sqlite', process.argv[1]);
  await store.write('dw://internal/a', new Uint8Array(3));
  process.stdout.write('stored');
  setInterval(() => {}, 1_000);`;

export async function killedStore(folder) {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  });
  child.stdout.once('data', () => child.kill('SIGKILL'));
  const [code] = await once(child, 'close');
  if (code !== null) throw new Error(`the process ended by itself, with ${code}`);
}
