import { CRITICALITIES, type Criticality, EFFORTS, type Effort } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CallLimits, type TenantsConfig } from '../../src/operations/call-limits.js';

const TENANTS = ['a', 'b', '__proto__'];
const USERS = ['x', 'y', 'constructor'];
const INSTANCE = 6;
/** How many of six places each class may fill. */
const PLACES: Readonly<Record<Criticality, number>> = { critical: 6, degraded: 6, best_effort: 6, bulk: 5 };

/** For each place of a tenant or user. */
const PER_PLACE: Readonly<Record<Effort, number>> = { work: 1, view: 10, wait: 10 };

const limit = fc.record(
  { maxConcurrentOperations: fc.integer({ min: 1, max: 4 }), maxQueueDepth: fc.integer({ min: 1, max: 3 }) },
  { requiredKeys: [] },
);
const tenants: fc.Arbitrary<TenantsConfig> = fc.dictionary(
  fc.constantFrom(...TENANTS, 'default'),
  fc.record({ limits: limit, users: fc.dictionary(fc.constantFrom(...USERS, 'default'), limit) }, { requiredKeys: [] }),
);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('take' as const),
      tenant: fc.constantFrom(...TENANTS),
      user: fc.constantFrom(...USERS),
      criticality: fc.constantFrom(...CRITICALITIES),
      effort: fc.constantFrom(...EFFORTS),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('release' as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('abort' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('configure' as const), tenants }) },
);

interface Taken {
  readonly tenant: string;
  readonly user: string;
  readonly criticality: Criticality;
  readonly effort: Effort;
  readonly abort: AbortController;
  state: 'waiting' | 'running' | 'refused' | 'left';
  release: () => void;
}

const own = <T>(record: Readonly<Record<string, T>> | undefined, name: string) => {
  if (record === undefined) return undefined;
  return Object.hasOwn(record, name) ? record[name] : Object.hasOwn(record, 'default') ? record.default : undefined;
};

describe('CallLimits', () => {
  it('never lets in more than any level may, loses no place, and leaves nobody waiting who has room', async () => {
    await fc.assert(
      fc.asyncProperty(tenants, fc.array(step, { maxLength: 60 }), async (first, steps) => {
        const limits = new CallLimits({ tenants: first, maxConcurrentOperations: INSTANCE });
        let config = first;
        const calls: Taken[] = [];
        const having = (state: Taken['state'], where: Partial<Taken> = {}) =>
          calls.filter(
            (call) =>
              call.state === state &&
              (['tenant', 'user', 'effort'] as const).every((key) => where[key] === undefined || where[key] === call[key]),
          );
        const maxOf = ({ tenant, user }: Taken) => ({
          tenant: own(config, tenant)?.limits?.maxConcurrentOperations ?? Number.POSITIVE_INFINITY,
          user: own(own(config, tenant)?.users, user)?.maxConcurrentOperations ?? Number.POSITIVE_INFINITY,
        });
        const hasRoom = (call: Taken) =>
          having('running').length < PLACES[call.criticality] &&
          having('running', { tenant: call.tenant, effort: call.effort }).length < maxOf(call).tenant * PER_PLACE[call.effort] &&
          having('running', { tenant: call.tenant, user: call.user, effort: call.effort }).length <
            maxOf(call).user * PER_PLACE[call.effort];

        for (const action of steps) {
          const pick = (among: Taken[]) => ('which' in action && among.length > 0 ? among[action.which % among.length] : undefined);
          if (action.kind === 'take') {
            const call: Taken = { ...action, abort: new AbortController(), state: 'waiting', release: () => {} };
            const couldEnter = hasRoom(call);
            take(limits, call);
            calls.push(call);
            if (couldEnter) expect(call.state).toBe('running');
          } else if (action.kind === 'release') {
            const call = pick(having('running'));
            if (call) {
              call.state = 'left';
              call.release();
              call.release();
            }
          } else if (action.kind === 'abort') {
            pick(having('waiting'))?.abort.abort(new Error('gone'));
          } else {
            config = action.tenants;
            limits.setTenants(config);
          }
          await new Promise((resolve) => setImmediate(resolve));
          expect(having('running').length).toBeLessThanOrEqual(INSTANCE);
          expect(having('waiting').filter(hasRoom)).toEqual([]);
        }
        for (const { abort } of calls) abort.abort(new Error('end'));
        for (let left = having('running'); left.length > 0; left = having('running')) {
          for (const call of left) {
            call.state = 'left';
            call.release();
          }
          await new Promise((resolve) => setImmediate(resolve));
        }
        expect([having('waiting').length, limits.tenantsInUse]).toEqual([0, 0]);
      }),
      { numRuns: 150 },
    );
  });

  it('never lets in more than the configuration says while that stays as it is', async () => {
    await fc.assert(
      fc.asyncProperty(tenants, fc.array(step, { maxLength: 60 }), async (config, steps) => {
        const limits = new CallLimits({ tenants: config, maxConcurrentOperations: INSTANCE });
        const calls: Taken[] = [];
        const running = () => calls.filter(({ state }) => state === 'running');
        for (const action of steps) {
          if (action.kind === 'take') {
            const call: Taken = { ...action, abort: new AbortController(), state: 'waiting', release: () => {} };
            take(limits, call);
            calls.push(call);
          } else if (action.kind === 'release' && running().length > 0) {
            const call = running()[action.which % running().length] as Taken;
            call.state = 'left';
            call.release();
          }
          await new Promise((resolve) => setImmediate(resolve));
          for (const { tenant, user } of calls) {
            const rules = own(config, tenant);
            const ofTenant = running().filter((call) => call.tenant === tenant && call.effort === 'work');
            expect(ofTenant.length).toBeLessThanOrEqual(rules?.limits?.maxConcurrentOperations ?? INSTANCE);
            const ofUser = ofTenant.filter((call) => call.user === user);
            expect(ofUser.length).toBeLessThanOrEqual(own(rules?.users, user)?.maxConcurrentOperations ?? INSTANCE);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('lets tenants in in turn, and the users of a tenant, whoever has the longest line', async () => {
    const queue = { maxQueueDepth: 1_000 };
    const limits = new CallLimits({ tenants: { default: { limits: queue } }, maxConcurrentOperations: 1 });
    const entered: string[] = [];
    const releases: (() => void)[] = [];
    const ask = (tenant: string, user: string) => {
      const place = limits.take({ tenant, user, criticality: 'degraded', signal: new AbortController().signal });
      void Promise.resolve(place).then((release) => {
        entered.push(`${tenant}${user}`);
        releases.push(release);
      });
    };
    for (let n = 0; n < 100; n += 1) ask('a', 'x');
    for (const [tenant, user] of [
      ['a', 'y'],
      ['b', 'x'],
      ['b', 'x'],
      ['c', 'x'],
    ] as const)
      ask(tenant, user);
    for (let n = 0; n < 8; n += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      releases[n]?.();
    }
    // The first came when there was room; then it is a's turn, b's, c's, and so on.
    expect(entered.slice(0, 8)).toEqual(['ax', 'ax', 'bx', 'cx', 'ay', 'bx', 'ax', 'ax']);
  });

  it('lets in the most critical call of a user first, and of one class who came first', async () => {
    const limits = new CallLimits({ tenants: { default: { limits: { maxQueueDepth: 10 } } }, maxConcurrentOperations: 1 });
    const entered: string[] = [];
    const ask = (criticality: Criticality, name: string) =>
      Promise.resolve(limits.take({ tenant: 'a', user: 'x', criticality, signal: new AbortController().signal })).then((release) => {
        entered.push(name);
        setImmediate(release);
      });
    await Promise.all([
      ask('bulk', '0'),
      ask('bulk', '5'),
      ask('best_effort', '4'),
      ask('degraded', '3'),
      ask('critical', '1'),
      ask('critical', '2'),
    ]);
    expect(entered).toEqual(['0', '1', '2', '3', '4', '5']);
  });
});

function take(limits: CallLimits, call: Taken): void {
  const enter = (release: () => void) => {
    call.state = 'running';
    call.release = release;
  };
  try {
    const place = limits.take({ ...call, signal: call.abort.signal }, call.effort);
    if (typeof place === 'function') enter(place);
    else void place.then(enter, () => (call.state = 'left'));
  } catch (error) {
    expect(error).toMatchObject({ kind: 'capacity', retryAfterMs: expect.any(Number) });
    call.state = 'refused';
  }
}
