import { describe, expect, it } from '@jest/globals';
import { readTexts } from '../../src/demo/read-blobs.js';
import { LOG_ARGS, parseLog, parseTree, TREE_ARGS } from '../../src/demo/repository-log.js';
import { runGit } from '../../src/demo/run-git.js';
import { commitFiles, git, repository, surroundings } from './repositories.js';

const tree = async (folder: string) => parseTree(await runGit({ folder, args: [...TREE_ARGS, 'HEAD'] }, surroundings()));
const log = async (folder: string) => parseLog(await runGit({ folder, args: ['log', ...LOG_ARGS] }, surroundings()));

describe('parseTree', () => {
  it('has plain files with their sizes, whatever their names, and no links', async () => {
    const folder = repository({ 'a b/ü"\n.md': 'four', 'x.sh': 'x' });
    git(folder, 'update-index', '--add', '--cacheinfo', `120000,${git(folder, 'rev-parse', 'HEAD:x.sh')},link.md`);
    git(folder, 'commit', '--quiet', '-m', 'a link');
    const files = await tree(folder);
    expect(files.map(({ path, bytes }) => [path, bytes])).toEqual([
      ['a b/ü"\n.md', 4],
      ['x.sh', 1],
    ]);
  });

  it('has nothing of an empty tree', () => {
    expect(parseTree(Buffer.alloc(0))).toEqual([]);
  });
});

describe('parseLog', () => {
  it('has each commit with its whole message and the blobs it made, without those it deleted', async () => {
    const folder = repository({ 'a.md': 'one\n', 'gone.md': 'x\n' });
    git(folder, 'rm', '--quiet', 'gone.md');
    commitFiles(folder, { 'a.md': 'two\n', 'b c.md': 'three\n' }, 'A subject\n\nA body: \u0001 ünï\n- of lines');
    const commits = await log(folder);
    expect(commits.map(({ message }) => message)).toEqual(['A subject\n\nA body: \u0001 ünï\n- of lines', 'The beginning']);
    expect(commits[0]?.changes).toEqual([
      { blob: git(folder, 'rev-parse', 'HEAD:a.md'), path: 'a.md' },
      { blob: git(folder, 'rev-parse', 'HEAD:b c.md'), path: 'b c.md' },
    ]);
    expect(commits.map(({ id }) => id)).toEqual(git(folder, 'log', '--format=%H').split('\n'));
    expect(commits[0]?.date).toBe(git(folder, 'log', '-1', '--format=%aI'));
  });

  it('has nothing of no output', () => {
    expect(parseLog(Buffer.alloc(0))).toEqual([]);
  });
});

describe('readTexts', () => {
  it('reads texts in their order and passes over what is no text, too large or not there', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 130 }, (_one, index) => [`${String(index).padStart(3, '0')}.md`, `text ${index}\n`]),
    );
    const folder = repository({ ...files, 'nul.md': Buffer.from('a\0b'), 'large.md': 'x'.repeat(2_000) });
    const asked = [...(await tree(folder)), { blob: '0'.repeat(40), path: 'missing.md' }];
    const read = [];
    for await (const text of readTexts({ folder, mostBytes: 1_000 }, asked, surroundings())) read.push([text.path, text.bytes.toString()]);
    expect(read).toEqual(Object.entries(files));
  });
});
