// One at a time: a folder as a lock between runs of one clone. Built-ins of Node 18 only.
import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEnd } from './ending.mjs';

const LOOK_EVERY_MS = 200;
/** From when on a wait is told. */
const TELL_AFTER_MS = 1_000;
const SIGN_OF_LIFE_MS = 30_000;
/** A lock without a sign of life for so long is nobody's, though its process number may be in use again. */
const GIVEN_UP_MS = 10 * 60_000;
/** So long may a lock stand without the number of its owner, who is between two calls. */
const UNNAMED_MS = 5_000;

/**
 * Waits until the folder could be made, which is atomic everywhere. A turn lasts until `release`, the end of this process, or that of the
 * child it was `lentTo`, whichever is last: a child may outlive a killed owner. `onWait` is told once whom a longer wait is for.
 */
export async function takeTurn(folder, onWait) {
  const since = Date.now();
  let told = false;
  while (!make(folder)) {
    const owners = [readPid(folder, 'owner'), readPid(folder, 'child')].filter((pid) => pid !== undefined);
    if (isStale(folder, owners)) {
      rmSync(folder, { recursive: true, force: true });
      continue;
    }
    if (!told && Date.now() - since > TELL_AFTER_MS) {
      told = true;
      onWait(owners.filter(isAlive).at(-1));
    }
    await sleep(LOOK_EVERY_MS);
  }
  const signs = setInterval(() => utimesSync(folder, new Date(), new Date()), SIGN_OF_LIFE_MS);
  signs.unref();
  const release = beforeEnd(() => {
    clearInterval(signs);
    rmSync(folder, { recursive: true, force: true });
  });
  return { release, lentTo: (pid) => writeFileSync(path.join(folder, 'child'), String(pid)) };
}

function make(folder) {
  try {
    mkdirSync(folder);
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
  writeFileSync(path.join(folder, 'owner'), String(process.pid));
  return true;
}

function isStale(folder, owners) {
  const { mtimeMs } = statSync(folder, { throwIfNoEntry: false }) ?? {};
  if (mtimeMs === undefined) return false; // gone a moment ago
  const ageMs = Date.now() - mtimeMs;
  if (owners.length === 0) return ageMs > UNNAMED_MS;
  return !owners.some(isAlive) || ageMs > GIVEN_UP_MS;
}

function readPid(folder, name) {
  try {
    const pid = Number(readFileSync(path.join(folder, name), 'utf8'));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code !== 'ESRCH';
  }
}
