import {
  CancelledError,
  callOptionsFrom,
  type ILogger,
  InputError,
  type IOperations,
  type OperationCall,
  type OperationDefinition,
  seededRandom,
  silentLogger,
  z,
} from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { OperationRegistry, type OperationRegistryOptions } from '../../src/operations/operation-registry.js';

function open(options: Partial<OperationRegistryOptions> = {}) {
  const clock = new FakeClock();
  const registry = new OperationRegistry({ clock, logger: silentLogger, random: seededRandom(1), ...options });
  const stop = new AbortController();
  const operations = registry.forPlugin('demo', stop.signal);
  return { clock, registry, stop, operations };
}

function definition(
  name: string,
  handler: (input: { n: number }, call: OperationCall) => Promise<unknown>,
): OperationDefinition<{ n: number }, unknown> {
  return { name, summary: name, input: z.strictObject({ n: z.number().default(7) }), output: z.unknown(), handler };
}

/** A handler that answers when told, and how many calls of it began. */
function held() {
  const begun: OperationCall[] = [];
  const release: (() => void)[] = [];
  const handler = (_input: unknown, call: OperationCall) =>
    new Promise<unknown>((resolve) => {
      begun.push(call);
      release.push(() => resolve('done'));
    });
  return { begun, release, handler };
}

const nothing = async () => null;

describe('OperationRegistry.provide', () => {
  it('refuses a name outside of the plugin, a name taken, and a name that is none', () => {
    const { operations } = open();
    for (const name of ['other.run', 'demo', 'demo.', 'demo.a b', 'demo../x', 'demox.run', 'demo.<b>']) {
      expect(() => operations.provide(definition(name, nothing))).toThrow(expect.objectContaining({ code: 'OPERATION_NAME_FOREIGN' }));
    }
    operations.provide(definition('demo.run', nothing));
    expect(() => operations.provide(definition('demo.run', nothing))).toThrow(
      expect.objectContaining({ code: 'OPERATION_NAME_TAKEN', kind: 'plugin' }),
    );
  });

  it('withdraws one operation when its disposable is disposed, and a successor of the same name stays', async () => {
    const { operations } = open();
    const first = operations.provide(definition('demo.run', async () => 1));
    first[Symbol.dispose]();
    operations.provide(definition('demo.run', async () => 2));
    first[Symbol.dispose]();
    expect(await operations.call('demo.run', {})).toBe(2);
  });

  it('lists operations by name with their schemas', () => {
    const { operations, registry } = open();
    operations.provide(definition('demo.b', nothing));
    operations.provide({ ...definition('demo.a', nothing), role: 'reader', runsCommands: true, effort: 'wait' });
    expect(registry.list()).toMatchObject([
      { name: 'demo.a', plugin: 'demo', role: 'reader', runsCommands: true, effort: 'wait', input: { type: 'object' } },
      { name: 'demo.b', role: 'operator', runsCommands: false, effort: 'work' },
    ]);
  });

  it('tells any plugin what an operation needs, and undefined while nobody provides it', () => {
    const { operations, registry } = open();
    const other = registry.forPlugin('other', new AbortController().signal);
    const provided = operations.provide(definition('demo.b', nothing));
    operations.provide({ ...definition('demo.a', nothing), role: 'reader', runsCommands: true });
    expect(other.rulesOf('demo.a')).toEqual({ role: 'reader', runsCommands: true });
    expect(other.rulesOf('demo.b')).toEqual({ role: 'operator', runsCommands: false });
    expect(other.rulesOf('demo.c')).toBeUndefined();
    expect(other.rulesOf('__proto__')).toBeUndefined();
    provided[Symbol.dispose]();
    expect(other.rulesOf('demo.b')).toBeUndefined();
  });
});

describe('OperationRegistry.call', () => {
  it('hands the valid input with its defaults, and what the caller said of the call, to the handler', async () => {
    const { operations, clock } = open();
    await clock.advance(1_000);
    let seen: OperationCall | undefined;
    operations.provide(
      definition('demo.run', async (input, call) => {
        seen = call;
        return input;
      }),
    );
    const options = { tenant: 't', user: 'u', criticality: 'bulk', deadlineMs: 500, idempotencyKey: 'k', traceId: 'trace' } as const;
    expect(await operations.call('demo.run', {}, options)).toEqual({ n: 7 });
    expect(seen).toMatchObject({
      operation: 'demo.run',
      tenant: 't',
      user: 'u',
      criticality: 'bulk',
      deadlineAt: 1_500,
      idempotencyKey: 'k',
      traceId: 'trace',
    });
    await operations.call('demo.run', {});
    expect(seen).toMatchObject({ tenant: 'default', user: 'default', criticality: 'degraded', deadlineAt: Number.POSITIVE_INFINITY });
    expect(seen?.traceId).toMatch(/^[0-9a-f]{32}$/);
  });

  it('names the nearest operation for an unknown one', async () => {
    const { operations } = open();
    operations.provide(definition('demo.run', nothing));
    await expect(operations.call('demo.rnu', {})).rejects.toMatchObject({
      code: 'OPERATION_UNKNOWN',
      kind: 'not_found',
      details: [{ suggestion: 'demo.run' }],
    });
    await expect(operations.call('run', {})).rejects.toMatchObject({
      message: expect.stringMatching(/did you mean demo\.run\?.*bellows operations/),
    });
    await expect(operations.call('__proto__', {})).rejects.toMatchObject({ code: 'OPERATION_UNKNOWN' });
  });

  it('refuses an input that is not valid before the handler sees it', async () => {
    const { operations } = open();
    let called = false;
    operations.provide(
      definition('demo.run', async () => {
        called = true;
      }),
    );
    await expect(operations.call('demo.run', { n: 'x', m: 1 })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      status: 400,
      plugin: 'demo',
      details: [{ path: 'n' }, { path: 'm' }],
    });
    expect(called).toBe(false);
  });

  it('refuses an input nested deeper than can be checked as the fault of the caller', async () => {
    const { operations } = open();
    type Tree = { next?: Tree | undefined };
    const tree: z.ZodType<Tree> = z.lazy(() => z.strictObject({ next: tree.optional() }));
    operations.provide({ name: 'demo.tree', summary: '', input: tree, output: z.null(), handler: nothing });
    let deep: Tree = {};
    for (let level = 0; level < 200_000; level += 1) deep = { next: deep };
    await expect(operations.call('demo.tree', deep)).rejects.toMatchObject({ code: 'INPUT_INVALID', kind: 'input' });
  });

  it('blames the plugin for an answer outside of its own schema', async () => {
    const { operations } = open();
    operations.provide({
      name: 'demo.bad',
      summary: '',
      input: z.unknown(),
      output: z.strictObject({ a: z.number() }),
      handler: async () => ({ a: 'x' }) as never,
    });
    await expect(operations.call('demo.bad', {})).rejects.toMatchObject({ code: 'OUTPUT_INVALID', status: 500, plugin: 'demo' });
  });

  it('passes on a Bellows error, and hides anything else behind HANDLER_THREW with its cause in the log', async () => {
    const lines: { message: string; fields: unknown }[] = [];
    const logger: ILogger = { ...silentLogger, error: (message, fields) => lines.push({ message, fields }) };
    const { operations } = open({ logger });
    const secret = new Error('password=hunter2');
    operations.provide(
      definition('demo.known', async () => {
        throw new InputError('MODULE_ODD', 'odd');
      }),
    );
    operations.provide(
      definition('demo.unknown', async () => {
        throw secret;
      }),
    );
    operations.provide({
      ...definition('demo.sync', nothing),
      handler: () => {
        throw undefined;
      },
    });
    await expect(operations.call('demo.known', {})).rejects.toMatchObject({ code: 'MODULE_ODD', status: 400 });
    const failure = await operations.call('demo.unknown', {}, { traceId: 'abc' }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'HANDLER_THREW', kind: 'plugin', cause: secret });
    expect((failure as Error).message).not.toContain('hunter2');
    expect(lines).toMatchObject([{ fields: { traceId: 'abc', error: secret } }]);
    await expect(operations.call('demo.sync', {})).rejects.toMatchObject({ code: 'HANDLER_THREW' });
  });

  it('ends a call at its deadline although the handler ignores its signal', async () => {
    const { operations, clock } = open();
    const { begun, handler } = held();
    operations.provide(definition('demo.slow', handler));
    const call = operations.call('demo.slow', {}, { deadlineMs: 100 });
    const failed = expect(call).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', status: 504 });
    await clock.advance(99);
    expect(begun[0]?.signal.aborted).toBe(false);
    await clock.advance(6);
    await failed;
    expect(begun[0]?.signal.reason).toMatchObject({ kind: 'deadline' });
    expect(clock.pending).toBe(0);
  });

  it('gives a handler a call that can be copied, its signal too', async () => {
    const { operations } = open();
    const caller = new AbortController();
    let copy: OperationCall | undefined;
    operations.provide(
      definition('demo.copy', (_input, call) => {
        copy = { ...call, tenant: 'other' };
        return new Promise(() => {});
      }),
    );
    const ended = expect(operations.call('demo.copy', {}, { signal: caller.signal })).rejects.toMatchObject({ code: 'CANCELLED' });
    caller.abort();
    await ended;
    expect(copy).toMatchObject({ operation: 'demo.copy', tenant: 'other', signal: { aborted: true } });
  });

  it('does not begin a call whose deadline has passed or whose caller has gone', async () => {
    const { operations } = open();
    const { begun, handler } = held();
    operations.provide(definition('demo.slow', handler));
    await expect(operations.call('demo.slow', {}, { deadlineMs: 0 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await expect(operations.call('demo.slow', {}, { deadlineMs: Number.NaN })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await expect(operations.call('demo.slow', {}, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'CANCELLED',
      status: 499,
    });
    expect(begun).toHaveLength(0);
  });

  it('ends a call when its caller aborts, with the reason the caller gave where that is an error of ours', async () => {
    const { operations } = open();
    const { begun, handler } = held();
    operations.provide(definition('demo.slow', handler));
    const controller = new AbortController();
    const call = operations.call('demo.slow', {}, { signal: controller.signal });
    const reason = new CancelledError('CANCELLED', 'left');
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
    expect(begun[0]?.signal.aborted).toBe(true);
  });

  it('counts every call by its outcome and forgets none that is running', async () => {
    const { operations, registry, clock } = open();
    const { release, handler } = held();
    operations.provide(definition('demo.slow', handler));
    const call = operations.call('demo.slow', {});
    expect(registry.metrics.inFlight().get('demo.slow')).toBe(1);
    await clock.advance(30);
    release[0]?.();
    await call;
    await operations.call('demo.slow', { n: 'x' }).catch(() => {});
    expect(registry.metrics.inFlight().get('demo.slow')).toBe(0);
    const [ok, input] = registry.metrics.series();
    expect(ok).toMatchObject({ operation: 'demo.slow', outcome: 'ok', count: 1, sumSeconds: 0.03 });
    expect(ok?.buckets.findIndex((count) => count > 0)).toBe(7);
    expect(input).toMatchObject({ outcome: 'input', count: 1 });
  });
});

describe('OperationRegistry metrics', () => {
  it('has no series for names nobody provides, and at most one per outcome for others, whatever callers send', async () => {
    const { operations, registry } = open();
    operations.provide(definition('demo.run', nothing));
    for (let n = 0; n < 500; n += 1) {
      await operations.call(`demo.${n}`, {}).catch(() => {});
      await operations.call('demo.run', { [`key${n}`]: n }, { tenant: `t${n}`, user: `u${n}`, traceId: `${n}` }).catch(() => {});
    }
    await operations.call('demo.run', {}, { authority: { role: 'reader', runsCommands: false } }).catch(() => {});
    expect(registry.metrics.series().map(({ operation, outcome, count }) => [operation, outcome, count])).toEqual([
      ['demo.run', 'input', 500],
      ['demo.run', 'forbidden', 1],
    ]);
    expect([...registry.metrics.inFlight()]).toEqual([['demo.run', 0]]);
  });
});

describe('OperationRegistry limits', () => {
  const tenants = { acme: { limits: { maxConcurrentOperations: 2 }, users: { default: { maxConcurrentOperations: 1 } } } };

  it('refuses the call past the ceiling of a user or a tenant, and takes it again when one has ended', async () => {
    const { operations } = open({ tenants });
    const { release, handler } = held();
    operations.provide(definition('demo.slow', handler));
    const call = (user: string, tenant = 'acme') => operations.call('demo.slow', {}, { tenant, user });
    const running = [call('a'), call('b')];
    await expect(call('a')).rejects.toMatchObject({ code: 'TENANT_LIMIT', status: 429, data: { scope: 'tenant', limit: 2, inUse: 2 } });
    release[0]?.();
    await running[0];
    await expect(call('b')).rejects.toMatchObject({
      code: 'TENANT_LIMIT',
      data: { scope: 'user', limit: 1 },
      retryAfterMs: expect.any(Number),
    });
    running.push(call('a'), call('a', 'other'), call('a', 'other'));
    for (const free of release) free();
    await Promise.all(running);
  });

  it('keeps tenants apart whose names look alike, and names that are members of every object', async () => {
    const { operations } = open({ tenants: { default: { limits: { maxConcurrentOperations: 1 } } } });
    const { release, handler } = held();
    operations.provide(definition('demo.slow', handler));
    const names = ['a', 'a"],["b', '__proto__', 'constructor'];
    const running = names.map((tenant) => operations.call('demo.slow', {}, { tenant }));
    await expect(operations.call('demo.slow', {}, { tenant: '__proto__' })).rejects.toMatchObject({ code: 'TENANT_LIMIT' });
    for (const free of release) free();
    await Promise.all(running);
  });

  it('lets a tenant look and wait whose places are all busy, ten times of each for every place, and work while it waits', async () => {
    const { operations } = open({ tenants: { default: { limits: { maxConcurrentOperations: 1 } } } });
    const { release, handler } = held();
    for (const effort of ['work', 'view', 'wait'] as const) operations.provide({ ...definition(`demo.${effort}`, handler), effort });
    operations.provide({ ...definition('demo.strange', handler), effort: 'none' as 'wait' });
    const call = (effort: string) => operations.call(`demo.${effort}`, {});
    const waits = Array.from({ length: 10 }, () => call('wait'));
    const views = Array.from({ length: 10 }, () => call('view'));
    const work = call('work');
    const data = { scope: 'tenant', limit: 10, inUse: 10 };
    await expect(call('wait')).rejects.toMatchObject({ code: 'TENANT_LIMIT', data, message: expect.stringContaining('only wait') });
    await expect(call('view')).rejects.toMatchObject({ code: 'TENANT_LIMIT', data, message: expect.stringContaining('only look') });
    for (const kind of ['work', 'strange'])
      await expect(call(kind)).rejects.toMatchObject({ code: 'TENANT_LIMIT', data: { limit: 1, inUse: 1 } });
    for (const free of release) free();
    await Promise.all([...waits, ...views, work]);
  });

  it('counts what only waits among the calls of the instance', async () => {
    const { operations } = open({ maxConcurrentOperations: 2 });
    const { release, handler } = held();
    operations.provide({ ...definition('demo.wait', handler), effort: 'wait' });
    const waits = [operations.call('demo.wait', {}), operations.call('demo.wait', {})];
    await expect(operations.call('demo.wait', {})).rejects.toMatchObject({ code: 'INSTANCE_LIMIT' });
    for (const free of release) free();
    await Promise.all(waits);
  });

  it('never runs more than the instance may', async () => {
    const { operations } = open({ maxConcurrentOperations: 3 });
    const { release, handler } = held();
    operations.provide(definition('demo.slow', handler));
    const calls = Array.from({ length: 10 }, () => operations.call('demo.slow', {}));
    const settled = Promise.allSettled(calls);
    expect(release).toHaveLength(3);
    for (const free of release) free();
    expect((await settled).filter(({ status }) => status === 'rejected')).toHaveLength(7);
  });

  it('keeps the place of a call that was cancelled or expired until its handler has ended', async () => {
    const { operations, clock } = open({ tenants: { default: { limits: { maxConcurrentOperations: 2 } } } });
    const { release, handler } = held();
    operations.provide(definition('demo.slow', handler));
    const caller = new AbortController();
    const calls = [operations.call('demo.slow', {}, { signal: caller.signal }), operations.call('demo.slow', {}, { deadlineMs: 5 })];
    const answers = Promise.allSettled(calls);
    caller.abort();
    await clock.advance(10);
    expect(await answers).toMatchObject([{ reason: { code: 'CANCELLED' } }, { reason: { code: 'DEADLINE_EXCEEDED' } }]);
    await expect(operations.call('demo.slow', {})).rejects.toMatchObject({ code: 'TENANT_LIMIT', data: { inUse: 2 } });
    release[0]?.();
    await clock.advance(0);
    const next = operations.call('demo.slow', {});
    release[2]?.();
    expect(await next).toBe('done');
  });

  it('sheds bulk first, then best effort, critical never', async () => {
    let level = 0;
    const { operations } = open({ pressure: () => level });
    operations.provide(definition('demo.run', async () => 'ran'));
    const refused = async () => {
      const out: string[] = [];
      for (const criticality of ['critical', 'degraded', 'best_effort', 'bulk'] as const) {
        const error = await operations.call('demo.run', {}, { criticality }).catch((thrown: { code: string }) => thrown);
        if (error !== 'ran') out.push(criticality);
      }
      return out;
    };
    expect(await refused()).toEqual([]);
    level = 1;
    expect(await refused()).toEqual([]);
    level = 2;
    expect(await refused()).toEqual(['bulk']);
    level = 3;
    expect(await refused()).toEqual(['best_effort', 'bulk']);
  });
});

describe('OperationRegistry when a plugin stops', () => {
  it('lets running calls end, refuses new ones, and ends what is left at the time-out', async () => {
    const { operations, registry, clock } = open();
    const { release, handler } = held();
    operations.provide(definition('demo.slow', handler));
    const [quick, stuck] = [operations.call('demo.slow', {}), operations.call('demo.slow', {})];
    // a time to come back at would say that nothing was done
    const failed = expect(stuck).rejects.toMatchObject({ code: 'OPERATION_STOPPING', status: 503, retryAfterMs: undefined });
    const drained = registry.drain('demo', 1_000);
    await expect(operations.call('demo.slow', {})).rejects.toMatchObject({ code: 'OPERATION_STOPPING' });
    release[0]?.();
    expect(await quick).toBe('done');
    await clock.advance(1_000);
    expect(await drained).toBe(1);
    await failed;
    expect(await registry.drain('demo', 1_000)).toBe(0);
  });

  it('ends a drain as soon as the last call has ended', async () => {
    const { operations, registry, clock } = open();
    const { release, handler } = held();
    operations.provide(definition('demo.slow', handler));
    const call = operations.call('demo.slow', {});
    const drained = Promise.all([registry.drain('demo', 1_000_000), registry.drain('demo', 1_000_000)]);
    release[0]?.();
    await call;
    expect(await drained).toEqual([0, 0]);
    expect(clock.pending).toBe(0);
  });

  it('waits in a drain for handlers whose callers have gone, and no longer than the time-out', async () => {
    const { operations, registry, clock } = open({ tenants: { default: { limits: { maxConcurrentOperations: 2 } } } });
    const { release, handler } = held();
    operations.provide(definition('demo.slow', handler));
    const leave = async () => {
      const caller = new AbortController();
      const call = operations.call('demo.slow', {}, { signal: caller.signal });
      caller.abort();
      await expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
    };
    await leave();
    await leave();
    let drained: number | undefined;
    const drain = registry.drain('demo', 1_000).then((left) => (drained = left));
    release[0]?.();
    await clock.advance(999);
    expect(drained).toBeUndefined();
    await clock.advance(1);
    await drain;
    expect(drained).toBe(1);
    // The one that never ends holds no place of the tenant any more.
    const other = registry.forPlugin('other', new AbortController().signal);
    other.provide(definition('other.slow', handler));
    const calls = [other.call('other.slow', {}), other.call('other.slow', {})];
    for (const free of release) free();
    expect(await Promise.all(calls)).toEqual(['done', 'done']);
  });

  it('says of a call that it was ended by the stop, and of a new one that it is not taken', async () => {
    const { operations, registry } = open();
    const { handler } = held();
    operations.provide(definition('demo.slow', handler));
    const call = operations.call('demo.slow', {});
    const drained = registry.drain('demo', 1_000);
    await expect(operations.call('demo.slow', {})).rejects.toMatchObject({ message: expect.stringContaining('is not available') });
    registry.withdrawAll('demo');
    await expect(call).rejects.toMatchObject({
      code: 'OPERATION_STOPPING',
      message: expect.stringContaining('was ended before it had finished'),
    });
    expect(await drained).toBe(0);
  });

  it('knows who may call what is away as long as it is to come back', () => {
    const { operations, registry } = open();
    operations.provide({ ...definition('demo.slow', held().handler), role: 'reader' });
    registry.expect('demo');
    registry.withdrawAll('demo');
    expect(registry.rulesOf('demo.slow')).toEqual({ role: 'reader', runsCommands: false });
    expect([registry.rulesOf('demo.never'), registry.list()]).toEqual([undefined, []]);
    registry.expectNoMore('demo');
    expect(registry.rulesOf('demo.slow')).toBeUndefined();
  });

  it('forgets all of a plugin on withdrawal, and the plugin can start anew', async () => {
    const { operations, registry, stop } = open();
    const { handler } = held();
    operations.provide(definition('demo.slow', handler));
    const call = operations.call('demo.slow', {});
    registry.withdrawAll('demo');
    await expect(call).rejects.toMatchObject({ code: 'OPERATION_STOPPING' });
    await expect(operations.call('demo.slow', {})).rejects.toMatchObject({ code: 'OPERATION_UNKNOWN' });
    stop.abort();
    expect(() => operations.provide(definition('demo.slow', handler))).toThrow(expect.objectContaining({ code: 'OPERATION_STOPPING' }));
    const again: IOperations = registry.forPlugin('demo', new AbortController().signal);
    again.provide(definition('demo.slow', async () => 'anew'));
    expect(await again.call('demo.slow', {})).toBe('anew');
  });
});

describe('OperationRegistry, a line for a tenant at its limit', () => {
  const tenants = { acme: { limits: { maxConcurrentOperations: 1, maxQueueDepth: 2 } } };

  function full() {
    const opened = open({ tenants });
    const { begun, release, handler } = held();
    opened.operations.provide(definition('demo.slow', handler));
    const call = (options = {}) => opened.operations.call('demo.slow', {}, { tenant: 'acme', ...options });
    return { ...opened, begun, release, call };
  }

  it('holds as many as it may, in order, and refuses the next', async () => {
    const { begun, release, call, clock } = full();
    const calls = [call({ user: 'a' }), call({ user: 'b' }), call({ user: 'c' })];
    await expect(call({ user: 'd' })).rejects.toMatchObject({ code: 'TENANT_LIMIT', retryAfterMs: expect.any(Number) });
    for (let n = 0; n < 3; n += 1) {
      await clock.advance(0);
      expect(begun).toHaveLength(n + 1);
      release[n]?.();
    }
    expect(await Promise.all(calls)).toEqual(['done', 'done', 'done']);
    expect(begun.map(({ user }) => user)).toEqual(['a', 'b', 'c']);
  });

  it('is left at a deadline, which counts from the call, and when the caller goes; the handler never sees those', async () => {
    const { begun, release, call, clock } = full();
    const first = call();
    const leaving = new AbortController();
    const waiting = Promise.allSettled([call({ deadlineMs: 50 }), call({ signal: leaving.signal })]);
    await clock.advance(20);
    leaving.abort();
    await clock.advance(40);
    expect(await waiting).toMatchObject([{ reason: { code: 'DEADLINE_EXCEEDED' } }, { reason: { code: 'CANCELLED' } }]);
    release[0]?.();
    await first;
    const next = call();
    await clock.advance(0);
    release[1]?.();
    expect([await next, begun.length, clock.pending]).toEqual(['done', 2, 0]);
  });

  it('ends with the plugin', async () => {
    const { registry, release, begun, call, clock } = full();
    const first = call();
    const second = expect(call()).rejects.toMatchObject({ code: 'OPERATION_STOPPING' });
    const drained = registry.drain('demo', 1_000);
    release[0]?.();
    await second;
    expect([await drained, await first, begun.length]).toEqual([0, 'done', 1]);
    await clock.advance(0);
    expect(clock.pending).toBe(0);
  });
});

describe('OperationRegistry, a call for whom a plugin calls', () => {
  it('hands on the time that is left and the signal', async () => {
    const { operations, clock } = open();
    const { begun, handler } = held();
    operations.provide(definition('demo.inner', handler));
    operations.provide(definition('demo.outer', (_input, call) => operations.call('demo.inner', {}, callOptionsFrom(call))));
    const options = { tenant: 't', user: 'u', criticality: 'critical', deadlineMs: 100, idempotencyKey: 'k' } as const;
    const failed = expect(operations.call('demo.outer', {}, options)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await clock.advance(1);
    expect(begun[0]).toMatchObject({ tenant: 't', user: 'u', criticality: 'critical', deadlineAt: 100 });
    expect(begun[0]?.idempotencyKey).toBeUndefined();
    await clock.advance(104);
    await failed;
    expect(begun[0]?.signal.reason).toMatchObject({ kind: 'deadline' });
  });

  it('has the earlier of two deadlines', async () => {
    const { operations } = open();
    const { begun, release, handler } = held();
    operations.provide(definition('demo.run', handler));
    const calls = [
      { deadlineMs: 5, deadlineAt: 9 },
      { deadlineMs: 9, deadlineAt: 5 },
    ].map((options) => operations.call('demo.run', {}, options));
    for (const free of release) free();
    await Promise.all(calls);
    expect(begun.map(({ deadlineAt }) => deadlineAt)).toEqual([5, 5]);
  });
});
