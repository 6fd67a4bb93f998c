import path from 'node:path';
import { root } from '../with-host.mjs';

/** The `PATH` of a newcomer: without the Node and the programs that this clone brought itself. */
export function pathOfTheMachine() {
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .filter((folder) => !folder.startsWith(root))
    .join(path.delimiter);
}
