// What one writes by hand on node:sqlite: the event loop waits for every sync, nothing is checked, and a large value is one array.
import { DatabaseSync } from 'node:sqlite';

export function openBareStore(file) {
  const database = new DatabaseSync(file);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  database.exec('CREATE TABLE entries (path TEXT PRIMARY KEY NOT NULL, data BLOB NOT NULL) STRICT');
  const write = database.prepare('INSERT INTO entries (path, data) VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET data = excluded.data');
  const read = database.prepare('SELECT data FROM entries WHERE path = ?');
  return {
    write: async (path, data) => void write.run(path, data),
    read: async (path) => read.get(path)?.data ?? null,
    async writeStream(path, chunks) {
      const all = [];
      for await (const chunk of chunks) all.push(chunk);
      write.run(path, Buffer.concat(all));
    },
    close: () => database.close(),
  };
}
