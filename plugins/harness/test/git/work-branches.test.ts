import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { WorkBranches } from '../../src/git/work-branches.js';
import { TemporaryRepository } from './temporary-repository.js';

describe('removing branches of workspaces', () => {
  it('takes many at once, packed ones and those that are gone too', async () => {
    using temporary = new TemporaryRepository();
    const repository = await temporary.open();
    const names = Array.from({ length: 30 }, (_, at) => `n${at}`);
    for (const name of names.slice(0, 20)) temporary.git('branch', `bellows/work/${name}`);
    temporary.git('pack-refs', '--all');
    for (const name of names.slice(20, 28)) temporary.git('branch', `bellows/work/${name}`);
    const branches = new WorkBranches({ clock: new FakeClock(), random: { next: () => 0.5 } });
    await Promise.all([...names, ...names].map((name) => branches.remove(repository, name)));
    expect(temporary.git('branch', '--format=%(refname:short)')).toBe('main');
  });

  it('removes the others when one cannot be removed', async () => {
    using temporary = new TemporaryRepository();
    const repository = await temporary.open();
    for (const name of ['a', 'b', 'c']) temporary.git('branch', `bellows/work/${name}`);
    mkdirSync(path.join(temporary.path, '.git/refs/heads/bellows/work/bad'));
    writeFileSync(path.join(temporary.path, '.git/refs/heads/bellows/work/bad/file'), 'no ref');
    const branches = new WorkBranches({ clock: { sleep: async () => {} }, random: { next: () => 0.5 } });
    const outcomes = await Promise.allSettled(['a', 'b', 'bad/file', 'c'].map((name) => branches.remove(repository, name)));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect(temporary.git('branch', '--list', 'bellows/work/[abc]')).toBe('');
  });
});
