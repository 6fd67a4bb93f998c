import { spawn } from 'node:child_process';
import { existsSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { beforeAll } from '@jest/globals';
import { repositoryCopy } from './followed-clone.js';
import { cleanEnv, follow, REPOSITORY } from './running-host.js';

/** Of everything, where nothing can be taken from what is built here. */
const BUILD_LIMIT_MS = 600_000;

export interface BuiltClone {
  readonly folder: string;
  /** The Node that the person at the keyboard has. */
  readonly node: string;
}

/**
 * A clone for the tests of a file that start hosts by `npm start`: it builds, and what is built here is in use by other tests at the same
 * time. All is built there before the first test, so that a start takes no longer than a host does.
 */
export function withBuiltClone(): () => BuiltClone {
  let clone: BuiltClone | undefined;
  beforeAll(async () => {
    const folder = repositoryCopy();
    const provided = path.join(REPOSITORY, '.node');
    if (existsSync(provided)) symlinkSync(provided, path.join(folder, '.node'));
    clone = { folder, node: nodeOfTheMachine() };
    const args = ['tools/run.mjs', 'start', '--help'];
    const building = follow(spawn(clone.node, args, { cwd: folder, env: cleanEnv(), stdio: ['ignore', 'pipe', 'pipe'] }));
    const { code, stdout, stderr } = await building.exit;
    if (code !== 0) throw new Error(`The clone could not be built:\n${stdout}${stderr}`);
  }, BUILD_LIMIT_MS);
  return () => clone!;
}

/** The first on PATH that this clone did not bring itself. */
function nodeOfTheMachine(): string {
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter((folder) => !folder.startsWith(REPOSITORY));
  return folders.map((folder) => path.join(folder, 'node')).find((file) => existsSync(file)) ?? process.execPath;
}
