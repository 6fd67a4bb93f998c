// node create-workspaces.mjs <repository> <folder> <prefix> <count>: makes workspaces at once, says "made" and waits for its end.
import { openRepository } from '../../dist/git/repository.js';
import { Workspaces } from '../../dist/git/workspaces.js';

const [path, folder, prefix, count] = process.argv.slice(2);
const repository = await openRepository(path);
const workspaces = new Workspaces({ folder });
const base = await repository.commitOf('main');
process.stdout.write('begins\n');
await Promise.all(Array.from({ length: Number(count) }, (_, at) => workspaces.create(repository, { name: `${prefix}${at}`, base })));
process.stdout.write('made\n');
// until it is killed, or who started it is gone
process.stdin.resume();
