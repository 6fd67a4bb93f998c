import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { workflowError } from '../errors.js';
import type { RunFilter, StoredRun } from './flow-records.js';
import { attributesOf, type Row, runOf, STATUS_NUMBERS, statusOf } from './flow-rows.js';
import { RUN_COLUMNS } from './flow-statements.js';

export interface FlowListOptions {
  readonly database: DatabaseSync;
  readonly filter: RunFilter;
  /** Runs whose line in the file is out of date, as they are. */
  readonly changed: readonly StoredRun[];
}

export interface FlowPage {
  readonly items: readonly StoredRun[];
  readonly cursor?: string;
}

/** More on one page would hold the event loop for too long; what is left comes with the cursor. */
const MAX_PAGE = 1_000;
/**
 * A page looks at no more runs than these (some tens of milliseconds); when fewer than `limit` fit, it ends early, and its cursor goes on behind the
 * last one looked at. So a page may be short, or empty, and still have a cursor.
 */
const MAX_LOOKED_AT = 20_000;

/** One page of runs, newest first. `CURSOR_INVALID` for a cursor that no page gave. */
export function listRuns({ database, filter, changed }: FlowListOptions): FlowPage {
  const limit = Math.min(Math.max(1, Math.floor(filter.limit)), MAX_PAGE);
  const after = filter.cursor === undefined ? NEWEST : positionOf(filter.cursor);
  const { found, end } = search({ database, filter, changed }, after, limit);
  const items = changed.filter((run) => fits(run, filter) && isOlder(run, after) && (end === null || !isOlder(run, end)));
  items.push(...found);
  items.sort((a, b) => b.createdAt - a.createdAt || b.key - a.key);
  if (items.length > limit) return { items: items.slice(0, limit), cursor: cursorOf(items[limit - 1] as StoredRun) };
  return end === null ? { items } : { items, cursor: cursorOf(end) };
}

interface Position {
  readonly createdAt: number;
  readonly key: number;
}

const NEWEST: Position = { createdAt: Number.MAX_SAFE_INTEGER, key: Number.MAX_SAFE_INTEGER };

/** Up to one more than `limit` runs older than `after`; `end` is the last one looked at where there may be more behind it. */
function search({ database, filter, changed }: FlowListOptions, after: Position, limit: number) {
  const read = database.prepare(`SELECT ${RUN_COLUMNS} FROM runs WHERE key = ?`);
  const stale = new Set(changed.map((run) => run.key));
  const found: StoredRun[] = [];
  let looked = 0;
  let end: Position | null = null;
  for (const row of candidates(database, filter, after)) {
    end = { createdAt: row.created_at as number, key: row.key as number };
    looked += 1;
    if (stale.has(end.key) || !fits(narrow(row), filter)) continue;
    found.push(runOf(read.get(end.key) as Row));
    if (found.length > limit) break;
  }
  return { found, end: looked < MAX_LOOKED_AT ? null : end };
}

/** What the best index gives, newest first, a row at a time. */
function candidates(database: DatabaseSync, filter: RunFilter, after: Position): Iterable<Row> {
  const conditions = ['(created_at, key) < (?, ?)'];
  const values: SQLInputValue[] = [after.createdAt, after.key];
  const add = (condition: string, value: SQLInputValue | undefined) => {
    if (value === undefined) return;
    conditions.push(condition);
    values.push(value);
  };
  add('status = ?', filter.status === undefined ? undefined : STATUS_NUMBERS[filter.status]);
  // with a status its index is used, and the names are compared here
  if (filter.status === undefined) add('name = ?', filter.name);
  add('created_at >= ?', filter.from);
  add('created_at <= ?', filter.to);
  const index = filter.status !== undefined ? 'runs_status' : filter.name !== undefined ? 'runs_name' : 'runs_created';
  // the tenant stands in no index; only who may see one pays for looking it up
  const tenant = filter.tenant === undefined ? '' : ', tenant';
  const text = `SELECT key, created_at, status, name, attributes${tenant} FROM runs INDEXED BY ${index}
    WHERE ${conditions.join(' AND ')} ORDER BY created_at DESC, key DESC LIMIT ${MAX_LOOKED_AT}`;
  return database.prepare(text).iterate(...values) as Iterable<Row>;
}

type Narrow = Pick<StoredRun, 'key' | 'createdAt' | 'status' | 'name' | 'attributes'> & { readonly tenant: string | undefined };

function narrow(row: Row): Narrow {
  return {
    key: row.key as number,
    createdAt: row.created_at as number,
    status: statusOf(row.status),
    name: row.name as string,
    attributes: attributesOf(row.attributes),
    tenant: row.tenant as string | undefined,
  };
}

function fits(run: Narrow, { tenant, status, name, from, to, attributes }: RunFilter): boolean {
  if (tenant !== undefined && run.tenant !== tenant) return false;
  if (status !== undefined && run.status !== status) return false;
  if (name !== undefined && run.name !== name) return false;
  if (from !== undefined && run.createdAt < from) return false;
  if (to !== undefined && run.createdAt > to) return false;
  return Object.entries(attributes ?? {}).every(([key, value]) => Object.hasOwn(run.attributes, key) && run.attributes[key] === value);
}

function isOlder(run: Position, than: Position): boolean {
  return run.createdAt < than.createdAt || (run.createdAt === than.createdAt && run.key < than.key);
}

function cursorOf({ createdAt, key }: Position): string {
  return Buffer.from(`${createdAt}/${key}`).toString('base64url');
}

function positionOf(cursor: string): Position {
  const match = /^(-?\d{1,16}(?:\.\d+)?)\/(\d{1,16})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (match === null) throw workflowError('CURSOR_INVALID', 'The cursor is none that a page of the list gave: begin without one');
  return { createdAt: Number(match[1]), key: Number(match[2]) };
}
