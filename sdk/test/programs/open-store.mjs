// Opens a store of the built package: `sqlite` in one file, `files` in a folder of its own.
import path from 'node:path';
import { FileTreeStore, SqliteStore } from '../../dist/index.js';

export function openStore(kind, folder) {
  return kind === 'sqlite' ? SqliteStore.open(path.join(folder, 'store.db')) : FileTreeStore.open(path.join(folder, 'values'));
}
