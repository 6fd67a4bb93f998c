import type { DatabaseSync } from 'node:sqlite';

export function isEmpty(database: DatabaseSync): boolean {
  return database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined;
}

/** The first damage found by reading it through; undefined when it is whole. Throws what SQLite throws where it cannot be read at all. */
export function damageOf(database: DatabaseSync): string | undefined {
  const found = String(database.prepare('PRAGMA quick_check(1)').get()?.quick_check);
  return found === 'ok' ? undefined : found;
}
