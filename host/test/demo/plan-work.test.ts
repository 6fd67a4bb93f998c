import path from 'node:path/posix';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FULL } from '../../src/demo/demo-limits.js';
import { onlyReal, planWork } from '../../src/demo/plan-work.js';
import type { TreeFile } from '../../src/demo/repository-log.js';

const file = (name: string, bytes = 10): TreeFile => ({ path: name, bytes, blob: `blob of ${name}` });
const commit = (id: string, ...changes: { blob: string; path: string }[]) => ({ id, date: '2026-01-01T00:00:00Z', message: id, changes });

describe('planWork', () => {
  it('takes Markdown first, passes over what is no text, empty or too large, and says how much there was', () => {
    const tree = [file('b.ts'), file('a.png'), file('z.md'), file('empty.md', 0), file('huge.md', FULL.textBytes + 1), file('LICENSE')];
    const plan = planWork(tree, [], { ...FULL, texts: 2 });
    expect(plan.texts.map((text) => text.path)).toEqual(['z.md', 'LICENSE']);
    expect(plan.found.texts).toBe(3);
  });

  it('takes each earlier version once, the newest first, and none that the last commit still has', () => {
    const commits = [
      commit('3', { blob: 'blob of a.md', path: 'a.md' }, { blob: 'two', path: 'a.md' }),
      commit('2', { blob: 'two', path: 'a.md' }, { blob: 'picture', path: 'a.png' }),
      commit('1', { blob: 'one', path: 'a.md' }),
    ];
    const plan = planWork([file('a.md')], commits, { ...FULL, commits: 2 });
    expect(plan.versions.map(({ blob }) => blob)).toEqual(['two', 'one']);
    expect(plan.commits.map(({ id }) => id)).toEqual(['3', '2']);
  });

  it('gives the folders with the most Markdown to agents, with a name for the index that none of them has', () => {
    const tree = [
      file('docs/a.md'),
      file('docs/b.md'),
      file('src/a.ts'),
      file('src/b.ts'),
      file('src/c.ts'),
      file('README.md'),
      file('Index.MD'),
    ];
    const plan = planWork(tree, [], FULL);
    expect(plan.folders.map(({ index, files }) => [index, files.length])).toEqual([
      ['INDEX-2.md', 2],
      ['docs/INDEX-2.md', 2],
      ['src/INDEX-2.md', 3],
    ]);
  });

  it('has no line of an issue made of a name that would break it', () => {
    const names = ['docs/a\nfile: 9 b.md', 'docs/<b>.md', 'docs/ok and (fine).md'];
    expect(
      planWork(
        names.map((name) => file(name)),
        [],
        FULL,
      ).folders.map(({ files }) => files),
    ).toEqual([['docs/ok and (fine).md']]);
  });

  it('keeps its bounds and is the same for the same repository, in whatever order its files come', () => {
    const name = fc.tuple(
      fc.constantFrom('', 'a/', 'b/', 'a/c/'),
      fc.stringMatching(/^[a-z]{1,3}$/),
      fc.constantFrom('.md', '.ts', '.png'),
    );
    const files = fc.uniqueArray(
      name.map((parts) => parts.join('')),
      { maxLength: 40 },
    );
    const limits = { ...FULL, texts: 7, folders: 2, filesInFolder: 3, allTextBytes: 300 };
    fc.assert(
      fc.property(files, fc.nat(100), (names, bytes) => {
        const tree = names.map((one) => file(one, bytes));
        const plan = planWork(tree, [], limits);
        expect(plan).toEqual(planWork(tree.toReversed(), [], limits));
        expect(plan.texts.length).toBeLessThanOrEqual(7);
        expect(plan.texts.length * bytes).toBeLessThanOrEqual(300);
        expect(plan.folders.length).toBeLessThanOrEqual(2);
        for (const { index, files } of plan.folders) {
          expect(names.map((one) => one.toLowerCase())).not.toContain(index.toLowerCase());
          expect(files.length).toBeGreaterThan(0);
          expect(files.length).toBeLessThanOrEqual(3);
          for (const one of files) expect(path.dirname(one)).toBe(path.dirname(index));
        }
      }),
    );
  });
});

describe('onlyReal', () => {
  it('passes over files that turned out to be no texts, and folders that hold no others', () => {
    const plan = planWork([file('a/x.md'), file('a/y.md'), file('b/z.md')], [], FULL);
    const real = onlyReal(plan, new Set(['a/x.md']));
    expect(real.texts.map((text) => text.path)).toEqual(['a/x.md']);
    expect(real.folders.map(({ files }) => files)).toEqual([['a/x.md']]);
  });
});
