import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type BranchClaim, BranchClaims } from '../../src/git/branch-claims.js';
import { TemporaryRepository } from './temporary-repository.js';

/** Hosts on one repository; those whose number is in `alive` live. */
class Hosts {
  readonly alive = new Set<number>();

  host(pid: number): BranchClaims {
    this.alive.add(pid);
    return this.claimsOf(pid);
  }

  claimsOf(pid: number): BranchClaims {
    return new BranchClaims({
      owner: { pid, startedAt: `boot-${pid}`, dataDir: `data-${pid}` },
      isAlive: async ({ pid, startedAt }) => startedAt === `boot-${pid}` && this.alive.has(pid),
    });
  }
}

const codeOf = (claim: Promise<BranchClaim>) =>
  claim.then(
    () => 'claimed',
    (error) => error.code,
  );

describe('the claim on a branch', () => {
  it('is refused to another host while the first lives, with the words to find it', async () => {
    using temporary = new TemporaryRepository();
    const repository = await temporary.open();
    const hosts = new Hosts();
    const [one, two] = [hosts.host(1), hosts.host(2)];
    await using _claim = await one.claim(repository, 'work');
    const data = { pid: 1, startedAt: 'boot-1', dataDir: 'data-1' };
    await expect(two.claim(repository, 'work')).rejects.toMatchObject({ code: 'BRANCH_IN_USE', data });
    expect(await codeOf(two.claim(repository, 'other'))).toBe('claimed');
  });

  it('is counted for the same host, and ends with the last release', async () => {
    using temporary = new TemporaryRepository();
    const repository = await temporary.open();
    const hosts = new Hosts();
    const [one, two] = [hosts.host(1), hosts.host(2)];
    const [first, second] = await Promise.all([one.claim(repository, 'work'), one.claim(repository, 'work')]);
    await first?.release();
    await first?.release();
    expect(await codeOf(two.claim(repository, 'work'))).toBe('BRANCH_IN_USE');
    await second?.release();
    expect(readdirSync(path.join(repository.commonDir, 'bellows/claims'))).toEqual([]);
    expect(await codeOf(two.claim(repository, 'work'))).toBe('claimed');
  });

  it('of a host that has ended is taken over by exactly one of many', async () => {
    using temporary = new TemporaryRepository();
    const repository = await temporary.open();
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 8 }), fc.integer({ min: 0, max: 1_000_000 }), async (count, branchNumber) => {
        const hosts = new Hosts();
        const branch = `work-${branchNumber}`;
        const dead = await hosts.host(99).claim(repository, branch);
        hosts.alive.delete(99);
        const takers = Array.from({ length: count }, (_, pid) => hosts.host(pid));
        const outcomes = await Promise.allSettled(takers.map((taker) => taker.claim(repository, branch)));
        const won = outcomes.filter((outcome) => outcome.status === 'fulfilled');
        expect(won).toHaveLength(1);
        // the one who was thought dead must not end the claim of another
        await dead.release();
        expect(await codeOf(hosts.host(50).claim(repository, branch))).toBe('BRANCH_IN_USE');
        await won[0]?.value.release();
      }),
      { numRuns: 30 },
    );
    expect(readdirSync(path.join(repository.commonDir, 'bellows/claims'))).toEqual([]);
  });

  it('is taken over also when earlier takers died half-way', async () => {
    using temporary = new TemporaryRepository();
    const repository = await temporary.open();
    const folder = path.join(repository.commonDir, 'bellows/claims');
    const nonce = (digit: string) => `${digit.repeat(8)}-0000-4000-8000-000000000000`;
    mkdirSync(folder, { recursive: true });
    const left = { 'work.json': '1', [`${nonce('1')}.next`]: '2', [`${nonce('2')}.next`]: '3' };
    for (const [name, digit] of Object.entries(left)) {
      writeFileSync(path.join(folder, name), JSON.stringify({ pid: Number(digit), startedAt: 'x', dataDir: 'd', nonce: nonce(digit) }));
    }
    const hosts = new Hosts();
    const outcomes = await Promise.all([4, 5, 6].map((pid) => codeOf(hosts.host(pid).claim(repository, 'work'))));
    expect([...outcomes].sort()).toEqual(['BRANCH_IN_USE', 'BRANCH_IN_USE', 'claimed']);
    expect(readdirSync(folder)).toEqual(['work.json']);
  });

  it('that cannot be read is taken over', async () => {
    using temporary = new TemporaryRepository();
    const repository = await temporary.open();
    const file = path.join(repository.commonDir, 'bellows/claims/work.json');
    const hosts = new Hosts();
    mkdirSync(path.dirname(file), { recursive: true });
    for (const content of ['', '{"pid":1', 'null', '{"pid":1,"startedAt":"boot-1","dataDir":"d","nonce":"../../x"}']) {
      writeFileSync(file, content);
      await using _claim = await hosts.host(2).claim(repository, 'work');
      expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ pid: 2, branch: 'work' });
    }
  });

  it('left by this very host is its own again', async () => {
    using temporary = new TemporaryRepository();
    const repository = await temporary.open();
    const hosts = new Hosts();
    await hosts.host(1).claim(repository, 'work');
    expect(await codeOf(hosts.claimsOf(1).claim(repository, 'work'))).toBe('claimed');
  });

  it('has a file of its own for every name of a branch', async () => {
    using temporary = new TemporaryRepository();
    const repository = await temporary.open();
    const branches = ['a/b', 'a%2Fb', 'ü'.repeat(100), `${'ü'.repeat(99)}x`, 'A/b'];
    const hosts = new Hosts();
    for (const branch of branches) await hosts.host(1).claim(repository, branch);
    expect(readdirSync(path.join(repository.commonDir, 'bellows/claims'))).toHaveLength(5);
  });

  it('is refused with a reason where it cannot be written', async () => {
    using temporary = new TemporaryRepository();
    const repository = await temporary.open();
    writeFileSync(path.join(repository.commonDir, 'bellows'), 'in the way');
    await expect(new Hosts().host(1).claim(repository, 'work')).rejects.toMatchObject({ code: 'REPO_INVALID' });
  });
});
