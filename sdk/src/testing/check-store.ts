import { isBellowsError, messageOf } from '../errors.js';
import type { IPersistentBackingStore } from '../persistent-backing-store.js';
import { STREAM_PROMISES } from './check-store-streams.js';
import { checkPromises, demand, rejectionOf } from './promise-check.js';

export interface CheckStoreOptions {
  /** For durable stores: closes the given one as hard as can be and opens its data again. */
  reopen?(store: IPersistentBackingStore): IPersistentBackingStore | Promise<IPersistentBackingStore>;
  /** Called for every store that was made or reopened last. */
  close?(store: IPersistentBackingStore): void | Promise<void>;
}

type MakeStore = () => IPersistentBackingStore | Promise<IPersistentBackingStore>;

/**
 * Checks the promises of {@link IPersistentBackingStore} on stores that `makeStore` makes, each empty. Resolves when all hold; rejects
 * with `PluginError` (`CHECK_FAILED`) that names the first broken one. Needs no test runner.
 */
export async function checkStore(makeStore: MakeStore, options: CheckStoreOptions = {}): Promise<void> {
  const fresh = (check: (store: IPersistentBackingStore) => Promise<void>) => async () => {
    const store = await makeStore();
    try {
      await check(store);
    } finally {
      await options.close?.(store);
    }
  };
  await checkPromises('The store', {
    'absence is null, false and silent': fresh(checkAbsence),
    'what was written is read back': fresh(checkReadBack),
    'values are copied': fresh(checkCopies),
    'list gives what starts with the prefix, sorted by code unit': fresh(checkList),
    'paths that are none are refused with STORE_PATH_INVALID': fresh(checkPaths),
    'values that are no bytes are refused with STORE_VALUE_INVALID': fresh(checkValues),
    'changes of one path apply in the order they were made': fresh(checkOrder),
    'an aborted call leaves the old value or the new one': fresh(checkAbort),
    ...Object.fromEntries(Object.entries(STREAM_PROMISES).map(([promise, check]) => [promise, fresh(check)])),
    ...(options.reopen === undefined ? {} : { 'what resolved is there after reopening': () => checkReopen(makeStore, options) }),
  });
}

const PATH = 'dw://internal/check/a';
const OTHER = 'dw://internal/check/b';

async function checkAbsence(store: IPersistentBackingStore): Promise<void> {
  demand((await store.read(PATH)) === null, 'reading a path never written did not give null');
  demand(!(await store.exists(PATH)), 'a path never written exists');
  await store.delete(PATH);
  demand((await store.list('dw://internal/')).length === 0, 'an empty store lists something');
  await store.write(PATH, bytes(1));
  await store.delete(PATH);
  demand((await store.read(PATH)) === null, 'a deleted value was read');
  demand(!(await store.exists(PATH)), 'a deleted path exists');
  demand((await store.list('dw://internal/')).length === 0, 'a deleted path is listed');
}

async function checkReadBack(store: IPersistentBackingStore): Promise<void> {
  const all = new Uint8Array(300).map((_, index) => index & 0xff);
  const values = {
    empty: bytes(),
    'all bytes': all,
    'a part of a buffer': all.subarray(7, 19),
    'a mebibyte': new Uint8Array(2 ** 20).fill(7),
  };
  for (const [name, value] of Object.entries(values)) {
    await store.write(PATH, value);
    await expectValue(store, PATH, value, name);
    demand(await store.exists(PATH), `a path with ${name} does not exist`);
  }
  await store.write(OTHER, bytes(9));
  await expectValue(store, PATH, values['a mebibyte'], 'a value beside another path');
}

async function checkCopies(store: IPersistentBackingStore): Promise<void> {
  const given = bytes(1, 2, 3);
  const writing = store.write(PATH, given);
  given.fill(0);
  await writing;
  await expectValue(store, PATH, bytes(1, 2, 3), 'a value whose array was changed right after the call');
  (await store.read(PATH))?.fill(0);
  await expectValue(store, PATH, bytes(1, 2, 3), 'a value of which the array read before was changed');
}

async function checkList(store: IPersistentBackingStore): Promise<void> {
  // the wildcards of SQL and file names, upper and lower case, and two names that UTF-8 and UTF-16 sort differently
  const names = ['x/b', 'x/a', 'x/B', 'x_/a', 'xy', 'x%', 'x*', 'x/\u{fb01}', 'x/\u{1f600}', 'y'];
  await Promise.all(names.map((name) => store.write(`dw://internal/${name}`, bytes(1))));
  for (const prefix of [
    '',
    'dw://internal/',
    'dw://internal/x',
    'dw://internal/x/',
    'dw://internal/x_',
    'dw://internal/x%',
    'dw://internal/z',
  ]) {
    const expected = names
      .map((name) => `dw://internal/${name}`)
      .filter((path) => path.startsWith(prefix))
      .sort();
    const found = await store.list(prefix);
    demand(
      JSON.stringify(found) === JSON.stringify(expected),
      `list("${prefix}") gave ${JSON.stringify(found)} for ${JSON.stringify(expected)}`,
    );
  }
}

async function checkPaths(store: IPersistentBackingStore): Promise<void> {
  const wrong = [
    '',
    'a',
    'dw://internal',
    'dw://internal/',
    'dw://other/a',
    'dw://internal/a//b',
    'dw://internal/a/',
    'dw://internal/../a',
  ];
  const long = `dw://internal/${'a'.repeat(1_024)}`;
  for (const path of [...wrong, 'dw://internal/a/..', 'dw://internal/./a', 'dw://internal/a\u0000b', 'dw://internal/a\nb', long]) {
    const calls = {
      write: () => store.write(path, bytes(1)),
      read: () => store.read(path),
      delete: () => store.delete(path),
      exists: () => store.exists(path),
    };
    for (const [name, call] of Object.entries(calls)) {
      const what = `${name}(${JSON.stringify(path.slice(0, 40))})`;
      const error = await rejectionOf(what, call);
      const code = isBellowsError(error) ? error.code : messageOf(error);
      demand(code === 'STORE_PATH_INVALID', `${what} rejected with ${code}`);
    }
  }
  demand((await store.list('')).length === 0, 'a refused write left something behind');
}

async function checkValues(store: IPersistentBackingStore): Promise<void> {
  await store.write(PATH, bytes(1));
  const wrong = {
    text: 'text',
    'a number': 3,
    'an object': { length: 2 },
    'a list': [1, 2],
    null: null,
    undefined,
    words: new Uint16Array([1]),
  };
  for (const [name, value] of Object.entries(wrong)) {
    const error = await rejectionOf(`write of ${name}`, () => store.write(PATH, value as never));
    const code = isBellowsError(error) ? error.code : messageOf(error);
    demand(code === 'STORE_VALUE_INVALID', `write of ${name} rejected with ${code}`);
    await expectValue(store, PATH, bytes(1), `a value after a refused write of ${name}`);
  }
}

async function checkOrder(store: IPersistentBackingStore): Promise<void> {
  const changes: Promise<void>[] = [];
  for (let index = 0; index < 20; index += 1) {
    changes.push(store.write(PATH, bytes(index)));
    changes.push(store.delete(OTHER), store.write(OTHER, bytes(index, index)));
  }
  changes.push(store.delete(OTHER));
  await Promise.all(changes);
  await expectValue(store, PATH, bytes(19), 'the last of 20 writes at once');
  demand((await store.read(OTHER)) === null, 'a path is there whose last change was a delete');
}

async function checkAbort(store: IPersistentBackingStore): Promise<void> {
  await store.write(PATH, bytes(1));
  const reason = new Error('the caller went away');
  const aborted = AbortSignal.abort(reason);
  const calls = {
    write: () => store.write(PATH, bytes(2), aborted),
    read: () => store.read(PATH, aborted),
    delete: () => store.delete(PATH, aborted),
    list: () => store.list('', aborted),
    exists: () => store.exists(PATH, aborted),
  };
  for (const [name, call] of Object.entries(calls)) {
    const error = await rejectionOf(`${name} with an aborted signal`, call);
    demand(error === reason, `${name} with an aborted signal rejected with ${messageOf(error)} instead of the signal's reason`);
  }
  await expectValue(store, PATH, bytes(1), 'a value after aborted changes');
  const late = new AbortController();
  const writing = store.write(PATH, bytes(2, 2), late.signal);
  late.abort(reason);
  const done = await writing.then(
    () => true,
    () => false,
  );
  const text = String(await store.read(PATH));
  demand(done ? text === '2,2' : text === '1' || text === '2,2', `a write aborted half way left ${text}`);
}

async function checkReopen(makeStore: MakeStore, { reopen, close }: CheckStoreOptions): Promise<void> {
  let store = await makeStore();
  try {
    await store.write(PATH, bytes(1, 2));
    await store.write(OTHER, bytes());
    const streamed = 'dw://internal/check/streamed';
    await store.writeStream?.(streamed, oneChunk(bytes(4, 5)));
    await store.write('dw://internal/check/gone', bytes(3));
    await store.delete('dw://internal/check/gone');
    store = (await reopen?.(store)) ?? store;
    await expectValue(store, PATH, bytes(1, 2), 'a value after reopening');
    await expectValue(store, OTHER, bytes(), 'an empty value after reopening');
    const expected = store.writeStream === undefined ? [PATH, OTHER] : [PATH, OTHER, streamed];
    if (store.writeStream !== undefined) await expectValue(store, streamed, bytes(4, 5), 'a streamed value after reopening');
    demand((await store.list('')).join() === expected.join(), `after reopening the store lists ${(await store.list('')).join()}`);
  } finally {
    await close?.(store);
  }
}

async function* oneChunk(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
  yield chunk;
}

async function expectValue(store: IPersistentBackingStore, path: string, expected: Uint8Array, what: string): Promise<void> {
  const found = await store.read(path);
  demand(found !== null, `${what} was read as null`);
  const same = found.length === expected.length && found.every((byte, index) => byte === expected[index]);
  demand(
    same,
    `${what} was read as ${found.length} bytes [${found.slice(0, 8).join()} …], expected ${expected.length} [${expected.slice(0, 8).join()} …]`,
  );
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}
