import {
  CapacityError,
  GuestError,
  type IPersistentBackingStore,
  MemoryStore,
  NotReadyError,
  type OperationCall,
  seededRandom,
  silentLogger,
  z,
} from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { KeptAnswers, type KeptAnswersConfig } from '../../src/operations/kept-answers.js';
import { OperationRegistry } from '../../src/operations/operation-registry.js';

const CONFIG: KeptAnswersConfig = { keepMs: 60_000, maxEntries: 100, maxBytes: 100_000, maxAnswerBytes: 10_000 };

type Handler = (input: unknown, call: OperationCall) => Promise<unknown>;

/** A host with one operation; another one on the same store is the same host after a restart. */
function open({
  store = new MemoryStore() as IPersistentBackingStore,
  config = {},
  clock = new FakeClock(),
  keptBy = undefined as 'handler' | undefined,
} = {}) {
  const answers = new KeptAnswers({ config: { ...CONFIG, ...config }, store, clock, logger: silentLogger });
  const registry = new OperationRegistry({ clock, logger: silentLogger, random: seededRandom(1), answers });
  const operations = registry.forPlugin('demo', new AbortController().signal);
  const provide = (handler: Handler) => {
    const seen: unknown[] = [];
    operations.provide({
      name: 'demo.run',
      summary: '',
      input: z.unknown(),
      output: z.unknown(),
      ...(keptBy === undefined ? {} : { idempotency: keptBy }),
      handler: (input, call) => {
        seen.push(input);
        return handler(input, call);
      },
    });
    return seen;
  };
  const call = (input: unknown, options = {}) => operations.call('demo.run', input, { idempotencyKey: 'k', ...options });
  return { store, clock, answers, provide, call };
}

/** A handler that ends when told. */
function held() {
  const ends: PromiseWithResolvers<unknown>[] = [];
  const handler: Handler = () => {
    const end = Promise.withResolvers<unknown>();
    ends.push(end);
    return end.promise;
  };
  return { ends, handler };
}

describe('a call that is repeated with its idempotency key', () => {
  it('answers what the first one answered, also after a restart, and does the work once', async () => {
    const first = open();
    const seen = first.provide(async () => ({ id: 7, big: 2n, bytes: Uint8Array.of(1, 2), none: undefined }));
    const answer = await first.call({ b: 1, a: 2 });
    expect(await first.call({ a: 2, b: 1 })).toEqual(answer);
    const restarted = open({ store: first.store, clock: first.clock });
    const seenAfter = restarted.provide(async () => 'anew');
    expect(await restarted.call({ a: 2, b: 1 })).toEqual(answer);
    expect([seen.length, seenAfter.length]).toEqual([1, 0]);
  });

  it('gets the same fault again, with its kind, code, status, details and data', async () => {
    const { provide, call, store, clock } = open();
    const seen = provide(async () => {
      throw new GuestError('TRAP', 'it trapped', { plugin: 'demo', phase: 'run', data: { at: 3 }, details: [{ path: 'x', message: 'y' }] });
    });
    const expected = {
      kind: 'guest',
      code: 'TRAP',
      status: 422,
      message: 'it trapped',
      phase: 'run',
      data: { at: 3 },
      details: [{ path: 'x' }],
    };
    await expect(call(1)).rejects.toMatchObject(expected);
    await expect(call(1)).rejects.toMatchObject(expected);
    const restarted = open({ store, clock });
    restarted.provide(async () => 'anew');
    await expect(restarted.call(1)).rejects.toMatchObject(expected);
    expect(seen).toHaveLength(1);
  });

  it('does the work again after an end that time may mend', async () => {
    const faults = [
      new CapacityError('QUEUE_FULL', 'full'),
      new NotReadyError('LATER', 'later'),
      new GuestError('LOST', 'lost', { retryAfterMs: 1 }),
    ];
    const { provide, call } = open();
    const left = [...faults];
    const seen = provide(async () => {
      const fault = left.shift();
      if (fault) throw fault;
      return 'done';
    });
    for (const fault of faults) await expect(call(1)).rejects.toBe(fault);
    expect(await call(1)).toBe('done');
    expect(await call(1)).toBe('done');
    expect(seen).toHaveLength(4);
  });

  it('is refused with another input, while the first runs and afterwards', async () => {
    const { provide, call } = open();
    const { ends, handler } = held();
    const seen = provide(handler);
    const first = call({ n: 1 });
    await expect(call({ n: 2 })).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED', status: 409 });
    ends[0]?.resolve('one');
    await first;
    for (const other of [{ n: 2 }, { n: '1' }, { n: 1, m: undefined }, [1], null, '{"n":1}', 1n]) {
      await expect(call(other)).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
    }
    expect(seen).toHaveLength(1);
  });

  it('waits for the first one while that runs', async () => {
    const { provide, call, clock } = open();
    const { ends, handler } = held();
    const seen = provide(handler);
    const calls = Array.from({ length: 20 }, () => call(1));
    await clock.advance(0);
    ends[0]?.resolve({ value: 1 });
    expect(await Promise.all(calls)).toEqual(calls.map(() => ({ value: 1 })));
    expect(seen).toHaveLength(1);
  });

  it('stops waiting at its own deadline or when its own caller goes, and disturbs nobody', async () => {
    const { provide, call, clock } = open();
    const { ends, handler } = held();
    provide(handler);
    const first = call(1);
    const leaving = new AbortController();
    const others = Promise.allSettled([call(1, { deadlineMs: 50 }), call(1, { signal: leaving.signal })]);
    await clock.advance(10);
    leaving.abort();
    await clock.advance(50);
    expect(await others).toMatchObject([{ reason: { code: 'DEADLINE_EXCEEDED' } }, { reason: { code: 'CANCELLED' } }]);
    ends[0]?.resolve('one');
    expect(await first).toBe('one');
  });

  it('gets the answer of a first call whose caller went away, when that did its work to the end', async () => {
    const { provide, call, clock } = open();
    const { ends, handler } = held();
    const seen = provide(handler);
    const leaving = new AbortController();
    const first = call(1, { signal: leaving.signal });
    const ended = expect(first).rejects.toMatchObject({ code: 'CANCELLED' });
    await clock.advance(0);
    leaving.abort();
    await ended;
    const second = call(1);
    ends[0]?.resolve('done after all');
    expect(await second).toBe('done after all');
    expect(seen).toHaveLength(1);
  });

  it('does the work itself when the first one was stopped in the middle, whatever its handler made of that', async () => {
    const { provide, call, clock } = open();
    let turn = 0;
    const seen = provide(async (_input, { signal }) => {
      turn += 1;
      if (turn > 1) return 'second';
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw new TypeError('aborted');
    });
    const leaving = new AbortController();
    const first = expect(call(1, { signal: leaving.signal })).rejects.toMatchObject({ code: 'CANCELLED' });
    await clock.advance(0);
    const second = call(1);
    leaving.abort();
    await first;
    expect(await second).toBe('second');
    expect(seen).toHaveLength(2);
  });

  it('is another call for another tenant, user or operation, also where their names look alike', async () => {
    const { provide, call } = open();
    const seen = provide(async (_input, { tenant, user }) => `${tenant} ${user}`);
    const names = [{}, { tenant: 'a' }, { user: 'a' }, { tenant: 'a', user: 'b' }, { tenant: 'a","b' }, { tenant: '__proto__' }];
    for (const who of names) await call(1, who);
    for (const who of names) await call(1, who);
    expect(seen).toHaveLength(names.length);
  });

  it('keeps no answer without a key, for a handler that keeps its own, or for a caller that does', async () => {
    const { provide, call, answers } = open();
    const seen = provide(async (_input, { idempotencyKey }) => idempotencyKey ?? null);
    expect(await call(1, { idempotencyKey: undefined })).toBeNull();
    expect(await call(1, { keepAnswer: false })).toBe('k');
    expect(await call(1, { keepAnswer: false })).toBe('k');
    const own = open({ keptBy: 'handler' });
    const seenByOwn = own.provide(async () => 1);
    await own.call(1);
    await own.call(1);
    expect([seen.length, seenByOwn.length, answers.size, own.answers.size]).toEqual([3, 2, 0, 0]);
  });

  it('is refused, and its work not done again, where the answer was too large or nothing a file can hold', async () => {
    for (const answer of ['x'.repeat(20_000), () => 1]) {
      const { provide, call } = open();
      const seen = provide(async () => answer);
      expect(await call(1)).toBe(answer);
      await expect(call(1)).rejects.toMatchObject({ code: 'IDEMPOTENCY_ANSWER_DROPPED', status: 409 });
      expect(seen).toHaveLength(1);
    }
  });

  it('gets the same fault again where its details are too large or nothing a file can hold', async () => {
    for (const fault of [
      new GuestError('TRAP', 'it trapped', { data: { at: () => 3 } }),
      new GuestError('TRAP', 'it trapped', { data: { at: 'x'.repeat(20_000) } }),
      new GuestError('TRAP', `it trapped ${'ü'.repeat(20_000)}`),
    ]) {
      const { provide, call } = open({ config: { maxBytes: 1_024 } });
      const seen = provide(() => Promise.reject(fault));
      await expect(call(1)).rejects.toBe(fault);
      await expect(call(1)).rejects.toMatchObject({
        code: 'TRAP',
        kind: 'guest',
        status: 422,
        message: expect.stringMatching(/^it trapped/),
      });
      expect(seen).toHaveLength(1);
    }
  });

  it('refuses an input that cannot be compared, as the fault of the caller', async () => {
    const { provide, call } = open();
    const seen = provide(async () => 1);
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level += 1) deep = [deep];
    for (const input of [() => 1, { a: Symbol('x') }, deep]) await expect(call(input)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    expect(seen).toHaveLength(0);
  });
});

describe('what is kept', () => {
  it('goes when it is old, and the work is done again', async () => {
    const { provide, call, clock, store, answers } = open();
    const seen = provide(async () => 'x');
    await call(1);
    await clock.advance(59_000);
    await call(1);
    expect(seen).toHaveLength(1);
    await clock.advance(1_000);
    await call(1);
    expect([seen.length, answers.size, (await store.list('')).length]).toEqual([2, 1, 1]);
  });

  it('is bounded in number and bytes, in memory and on disk, also after a restart with less room', async () => {
    const { provide, call, store, clock, answers } = open({ config: { maxEntries: 10, maxBytes: 20_000 } });
    provide(async (input) => ((input as number) % 2 === 0 ? 'small' : 'x'.repeat(3_000)));
    for (let n = 0; n < 50; n += 1) {
      await clock.advance(1);
      await call(n, { idempotencyKey: `k${n}` });
      const stored = await store.list('');
      expect(stored.length).toBe(answers.size);
      expect(stored.length).toBeLessThanOrEqual(10);
      expect(stored.reduce((sum, path) => sum + Number(path.split('/').at(-2)), 0)).toBeLessThanOrEqual(20_000);
    }
    const restarted = open({ store, clock, config: { maxEntries: 2 } });
    const seen = restarted.provide(async () => 'anew');
    await restarted.call(49, { idempotencyKey: 'k49' });
    expect([seen.length, restarted.answers.size, (await store.list('')).length]).toEqual([0, 2, 2]);
  });

  it('goes from the tenant that has most, in number or bytes, and never the one just kept: a busy one pushes out nobody', async () => {
    const { provide, call, store, clock } = open({ config: { maxEntries: 10, maxBytes: 20_000 } });
    const seen = provide(async (input) => input);
    const small = (tenant: string) => call(1, { tenant, idempotencyKey: 'small' });
    for (const tenant of ['quiet', 'calm']) await small(tenant);
    for (const [tenant, size] of [
      ['busy', 1],
      ['large', 9_000],
    ] as const) {
      for (let n = 0; n < 50; n += 1) {
        await clock.advance(1);
        const before = seen.length;
        const options = { tenant, idempotencyKey: `k${n}` };
        const first = await call('x'.repeat(size), options);
        expect(await call('x'.repeat(size), options)).toBe(first);
        expect(seen.length - before).toBe(1);
      }
    }
    const before = seen.length;
    for (const tenant of ['quiet', 'calm']) await small(tenant);
    const restarted = open({ store, clock, config: { maxEntries: 4 } });
    const seenAfter = restarted.provide(async () => 'anew');
    for (const tenant of ['quiet', 'calm']) await restarted.call(1, { tenant, idempotencyKey: 'small' });
    expect([seen.length - before, seenAfter.length, restarted.answers.size]).toEqual([0, 0, 4]);
  });

  it('leaves nothing on disk of an answer that is larger than all may be together', async () => {
    const { provide, call, store, answers } = open({ config: { maxBytes: 2_000 } });
    const seen = provide(async () => 'x'.repeat(5_000));
    for (let n = 0; n < 30; n += 1) await call(n, { idempotencyKey: `k${n}` });
    expect((await store.list('')).length).toBe(answers.size);
    await expect(call(29, { idempotencyKey: 'k29' })).rejects.toMatchObject({ code: 'IDEMPOTENCY_ANSWER_DROPPED' });
    expect(seen).toHaveLength(30);
  });

  it('is in memory when the disk takes nothing: the caller of work that is done gets its answer', async () => {
    const full = new MemoryStore();
    full.write = () => Promise.reject(new NotReadyError('STORE_FULL', 'full'));
    const { provide, call } = open({ store: full });
    const seen = provide(async () => ({ done: true }));
    expect(await call(1)).toEqual({ done: true });
    expect(await call(1)).toEqual({ done: true });
    expect(seen).toHaveLength(1);
  });

  it('does no work while the store cannot say what there is, and goes on when it can', async () => {
    const store = new MemoryStore();
    const list = store.list.bind(store);
    store.list = () => Promise.reject(new NotReadyError('STORE_UNREACHABLE', 'away'));
    const { provide, call } = open({ store });
    const seen = provide(async () => 1);
    await expect(call(1)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
    expect(seen).toHaveLength(0);
    store.list = list;
    expect(await call(1)).toBe(1);
  });

  it('gives every caller a value of its own', async () => {
    const { provide, call } = open();
    provide(async () => ({ list: [1] }));
    const first = (await call(1)) as { list: number[] };
    first.list.push(2);
    expect(await call(1)).toEqual({ list: [1] });
  });
});
