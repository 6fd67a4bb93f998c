import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { DemoFolder, sweepDemos } from '../../src/demo/demo-folder.js';
import { foldedFiles, madeFiles } from '../../src/demo/made-files.js';
import { pluginFolders } from '../../src/demo/package-folder.js';
import { tempFolder } from './repositories.js';

/** No process has this number: Linux ends at 2^22. */
const NOBODY = 2 ** 22 + 1;

function surroundings(temporary = tempFolder()) {
  return { keep: undefined, cwd: temporary, env: { TMPDIR: temporary }, pid: process.pid, uid: process.getuid?.() };
}

describe('DemoFolder', () => {
  it('is in the temporary folder and goes at the end', async () => {
    const options = surroundings();
    const folder = await DemoFolder.make(options);
    expect([path.dirname(folder.path), folder.isKept]).toEqual([options.env.TMPDIR, false]);
    await folder.close();
    await folder.close();
    expect(readdirSync(options.env.TMPDIR)).toEqual([]);
  });

  it('stays without its mark when it is kept', async () => {
    const options = surroundings();
    const folder = await DemoFolder.make({ ...options, keep: true });
    writeFileSync(folder.file('made.txt'), '');
    await folder.close();
    expect(readdirSync(folder.path)).toEqual(['made.txt']);
  });

  it('is the one that is named, also when that is there and empty, which then stays when nothing is kept', async () => {
    const options = surroundings();
    const named = path.join(options.cwd, 'mine');
    mkdirSync(named);
    const folder = await DemoFolder.make({ ...options, keep: 'mine' });
    writeFileSync(folder.file('made.txt'), '');
    expect(folder.path).toBe(named);
    await folder.close({ isKept: false });
    expect(readdirSync(named)).toEqual([]);
    const other = await DemoFolder.make({ ...options, keep: 'new/one' });
    await other.close({ isKept: false });
    expect(existsSync(path.join(options.cwd, 'new/one'))).toBe(false);
  });

  it('says with a code that it has something in it, or cannot be made', async () => {
    const options = surroundings();
    writeFileSync(path.join(options.cwd, 'file'), '');
    await expect(DemoFolder.make({ ...options, keep: '.' })).rejects.toMatchObject({ code: 'DEMO_FOLDER_IN_USE' });
    await expect(DemoFolder.make({ ...options, keep: 'file' })).rejects.toMatchObject({ code: 'DEMO_FOLDER_UNUSABLE' });
    await expect(DemoFolder.make({ ...options, keep: 'file/below' })).rejects.toMatchObject({ code: 'DEMO_FOLDER_UNUSABLE' });
    await expect(DemoFolder.make(surroundings(path.join(options.cwd, 'not-there')))).rejects.toMatchObject({
      code: 'DEMO_FOLDER_UNUSABLE',
    });
  });
});

describe('sweepDemos', () => {
  it('removes what a killed demo has left, and neither what runs, nor what is kept, nor what is of another machine', async () => {
    const options = surroundings();
    const left = await DemoFolder.make({ ...options, pid: NOBODY });
    const running = await DemoFolder.make(options);
    const hostRuns = await DemoFolder.make({ ...options, pid: NOBODY });
    await hostRuns.markRunning([process.pid]);
    const kept = await DemoFolder.make({ ...options, keep: true, pid: NOBODY });
    await kept.close();
    const elsewhere = await DemoFolder.make({ ...options, pid: NOBODY });
    const mark = readFileSync(elsewhere.file('.running'), 'utf8');
    writeFileSync(elsewhere.file('.running'), mark.replace(os.hostname(), 'another-machine'));
    expect(await sweepDemos(options)).toEqual([left.path]);
    expect(readdirSync(options.cwd).toSorted()).toEqual(
      [running, hostRuns, kept, elsewhere].map((one) => path.basename(one.path)).toSorted(),
    );
  });

  it('removes nothing of another user, whatever its mark says, and no link', async () => {
    const options = surroundings();
    const left = await DemoFolder.make({ ...options, pid: NOBODY });
    const link = path.join(options.cwd, 'bellows-demo-link');
    symlinkSync(left.path, link);
    expect(await sweepDemos({ ...options, uid: (options.uid ?? 0) + 1 })).toEqual([]);
    expect(existsSync(left.file('.running'))).toBe(true);
    expect(await sweepDemos(options)).toEqual([left.path]);
    expect(readdirSync(options.cwd)).toEqual([path.basename(link)]);
  });

  it('does nothing where there is no temporary folder', async () => {
    expect(await sweepDemos(surroundings('/not/there'))).toEqual([]);
  });
});

describe('pluginFolders', () => {
  it('finds them above the package or the working folder, and names those that are missing', () => {
    const [from, cwd] = [tempFolder(), tempFolder()];
    const install = (folder: string, id: string) => {
      const plugin = path.join(folder, 'node_modules/@bellows', `plugin-${id}`);
      mkdirSync(plugin, { recursive: true });
      writeFileSync(path.join(plugin, 'package.json'), '{}');
      return plugin;
    };
    const [compute, workflow] = [install(from, 'compute'), install(cwd, 'workflow')];
    expect(() => pluginFolders(cwd, path.join(from, 'below'))).toThrow(
      expect.objectContaining({
        code: 'DEMO_PLUGIN_MISSING',
        message: expect.stringContaining('@bellows/plugin-harness is not installed'),
      }),
    );
    const harness = install(cwd, 'harness');
    expect(pluginFolders(cwd, from)).toEqual({ compute, workflow, harness });
  });
});

describe('made files', () => {
  it('are listed with their sizes, in order, many of one folder in one line', async () => {
    const folder = tempFolder();
    mkdirSync(path.join(folder, 'results/notes'), { recursive: true });
    for (const name of ['b.md', 'notes/1.md', 'notes/2.md', 'notes/3.md']) writeFileSync(path.join(folder, 'results', name), 'four');
    const made = await madeFiles(folder);
    expect(made.map((file) => file.path)).toEqual(['results/b.md', 'results/notes/1.md', 'results/notes/2.md', 'results/notes/3.md']);
    expect(foldedFiles(made, 2)).toEqual([
      { name: 'results/b.md', bytes: 4, files: 1 },
      { name: 'results/notes/*', bytes: 12, files: 3 },
    ]);
    expect(foldedFiles(made, 3)).toHaveLength(4);
    const landed = ['a/INDEX.md', 'b/INDEX.md'].map((file) => ({ path: file, bytes: 2, landed: { branch: 'demo', commit: 'c' } }));
    expect(foldedFiles(landed, 1)).toEqual([{ name: '**/INDEX.md', bytes: 4, files: 2, branch: 'demo' }]);
    expect(foldedFiles(landed, 2)[1]).toEqual({ name: 'b/INDEX.md', bytes: 2, files: 1, branch: 'demo' });
  });
});
