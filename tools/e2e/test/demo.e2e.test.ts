import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { checkoutOf, git, newRepository } from './git-samples.js';
import { REPOSITORY, runBellows, type StartedProcess, startProcess } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { until } from './until.js';

const FILES = {
  'README.md': '# Sample\n\nSee [the docs](docs/a.md), and [more](docs/b.md).\n',
  'docs/a.md': '# First\n\nto be or not to be\n',
  'docs/b.md': '# Second\n\n```sh\n# no heading\n```\n',
  'src/main.ts': 'export const answer = 42;\n',
};

/** With three commits, of which the last changes a text. */
function sampleRepository(): string {
  const folder = newRepository(FILES);
  writeFileSync(path.join(folder, 'docs/a.md'), `${FILES['docs/a.md']}that is the question\n`);
  git(folder, 'commit', '--quiet', '-am', 'Complete the question\n\nIt had an end.');
  writeFileSync(path.join(folder, 'src/main.ts'), 'export const answer = 41 + 1;\n');
  git(folder, 'commit', '--quiet', '-am', 'Say how it was computed');
  return folder;
}

/** Everything that a demo could change in the repository it works on a clone of. */
function everythingOf(folder: string): readonly string[] {
  return [...checkoutOf(folder), git(folder, 'for-each-ref'), git(folder, 'worktree', 'list'), git(folder, 'config', '--local', '--list')];
}

/** Of the repository that this belongs to, in which somebody may work at the same time: only what a demo would leave is looked for. */
function demosIn(folder: string): readonly string[] {
  const places = [['for-each-ref'], ['worktree', 'list'], ['config', '--local', '--list'], ['status', '--porcelain', '-uall']];
  return places.flatMap((args) => git(folder, ...args).split('\n')).filter((line) => line.includes('bellows-demo'));
}

/** Processes that belong to a demo whose temporary folder this is, by their command lines. */
function processesOf(temporary: string): readonly string[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,args='], { encoding: 'utf8', maxBuffer: 2 ** 26 }).split('\n');
  return lines.filter((line) => line.includes(temporary));
}

function demo(args: readonly string[], temporary: string): StartedProcess {
  return startProcess(['demo', '--quick', ...args], { env: { TMPDIR: temporary } });
}

/** Until agents and workflows are at work. */
async function busy({ output }: StartedProcess): Promise<void> {
  await until('the second act', () => output().stdout.includes('All three share it'));
}

describe('bellows demo', () => {
  it('does what it says, which a look at what is kept confirms, and leaves everything else alone', async () => {
    const [repo, temporary] = [sampleRepository(), tempFolder('bellows-demo-tmp')];
    const before = everythingOf(repo);
    const kept = path.join(tempFolder(), 'kept');
    const { code, stdout, stderr } = await demo(['--json', '--repo', repo, '--keep', kept], temporary).exit;
    expect([code, stderr.includes('error')]).toEqual([0, false]);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({
      ok: true,
      problems: [],
      kept,
      repository: { folder: repo, head: git(repo, 'rev-parse', 'HEAD'), files: 4 },
    });
    expect(everythingOf(repo)).toEqual(before);
    expect([readdirSync(temporary), processesOf(kept)]).toEqual([[], []]);

    // compute: 7 + 12 + 7 + 7 words, counted by hand; two files had another version before
    const [compute, workflow, harness] = report.parts;
    expect(compute.figures).toMatchObject({ texts: 4, versions: 2, words: 33, headings: 3, links: 2 });
    expect(readFileSync(path.join(kept, 'results/texts.csv'), 'utf8')).toContain(
      `"docs/a.md",${git(repo, 'rev-parse', 'HEAD:docs/a.md')},49,4,12,1,0,5\n`,
    );
    // workflow: a note for each commit, and the week they are of
    const commits = git(repo, 'log', '--format=%H').split('\n');
    expect(readdirSync(path.join(kept, 'results/notes')).toSorted()).toEqual(commits.map((id) => `${id}.md`).toSorted());
    expect(readFileSync(path.join(kept, `results/notes/${commits[1]}.md`), 'utf8')).toMatch(/^words 7\nfiles 1\nadded 1\ndeleted 0$/m);
    expect(readFileSync(path.join(kept, 'results/HISTORY.md'), 'utf8')).toMatch(/^\| \d{4}-\d\d-\d\d \| 3 \| 14 \| /m);
    expect(workflow.figures).toMatchObject({ runs: 4, failed: 0 });
    // agents: three indexes, each landed by a merge commit of its own
    const clone = path.join(kept, 'repository');
    expect(git(clone, 'show', 'bellows-demo:docs/INDEX.md')).toBe(
      '# Index of docs\n\n- [First](<a.md>), words: 12\n- [Second](<b.md>), words: 7',
    );
    const merges = git(
      clone,
      'log',
      '--first-parent',
      '--merges',
      '--format=%H %(trailers:key=Bellows-Issue,valueonly,separator=)',
      'bellows-demo',
    );
    expect(merges.split('\n').toSorted()).toEqual(
      report.files
        .flatMap(({ path: file, landed }: { path: string; landed?: { commit: string } }) => {
          if (!landed) return [];
          return [`${landed.commit} index-${['docs/INDEX.md', 'INDEX.md', 'src/INDEX.md'].indexOf(file) + 1}`];
        })
        .toSorted(),
    );
    expect([harness.figures.landed, git(clone, 'status', '--porcelain')]).toEqual([3, '']);
    // ceilings: each move is made of decisions of the governor
    for (const { subsystem, from, to, reason } of report.ceilings) {
      const own = report.decisions.filter(
        (one: { subsystem: string; outcome: string }) => one.subsystem === subsystem && one.outcome === 'applied',
      );
      expect(own.some((one: { from: number }) => one.from === from)).toBe(true);
      expect(own.some((one: { to: number; reason: string }) => one.to === to && one.reason === reason)).toBe(true);
    }
    expect(report.ceilings.length).toBeGreaterThan(0);
  });

  it('works on this repository when no other is named, tells how it gets on, and leaves nothing behind', async () => {
    const temporary = tempFolder('bellows-demo-tmp');
    const before = demosIn(REPOSITORY);
    const { code, stdout, stderr } = await demo([], temporary).exit;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`with ${REPOSITORY}\n`);
    expect(stdout).toMatch(/^ *\d+ s {2}compute [\d,]+ of [\d,]+ texts \(\d+ of \d+ running, ceiling \d+\) \| workflow /m);
    expect(stdout).toMatch(/^ {2}(alone|together|at rest) +(compute|workflow|harness) +\d+( → [\d…]+)+ +wante?[sd] \w+.*: /m);
    const summary = stdout.slice(stdout.indexOf('What was done')).split('\n');
    expect([summary.length < 45, summary.filter((line) => /^ {2,}(checked|\d)/.test(line) && line.length > 80)]).toEqual([true, []]);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('Nothing is left behind.');
    expect(stdout).not.toContain('\u001b');
    expect([demosIn(REPOSITORY), readdirSync(temporary), processesOf(temporary)]).toEqual([before, [], []]);
  });

  it.each([1, 2])('ends with 130 and leaves nothing when it is interrupted in the middle, signals: %i', async (signals) => {
    const [repo, temporary] = [sampleRepository(), tempFolder('bellows-demo-tmp')];
    const before = everythingOf(repo);
    const running = demo(['--repo', repo], temporary);
    await busy(running);
    for (let signal = 0; signal < signals; signal++) running.child.kill(signal === 0 ? 'SIGINT' : 'SIGTERM');
    const { code, stderr } = await running.exit;
    expect([code, stderr]).toEqual([130, 'The demo was interrupted.\n']);
    expect([everythingOf(repo), readdirSync(temporary), processesOf(temporary)]).toEqual([before, [], []]);
  });

  it('leaves no process when it is killed, and the next one removes its folder', async () => {
    const [repo, temporary] = [sampleRepository(), tempFolder('bellows-demo-tmp')];
    const running = demo(['--repo', repo], temporary);
    await busy(running);
    expect(processesOf(temporary).length).toBeGreaterThan(0);
    running.child.kill('SIGKILL');
    await running.exit;
    await until('the end of its processes', () => processesOf(temporary).length === 0);
    expect(readdirSync(temporary)).toHaveLength(1);
    const next = await demo(['--repo', repo, '--keep', repo], temporary).exit;
    expect([next.code, next.stderr]).toEqual([2, expect.stringContaining('(DEMO_FOLDER_IN_USE)')]);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('says with 1 that its host was lost, and leaves nothing of it', async () => {
    const temporary = tempFolder('bellows-demo-tmp');
    const running = demo(['--repo', sampleRepository()], temporary);
    await busy(running);
    const host = processesOf(temporary).find((line) => line.includes('--until-stdin-ends'));
    process.kill(Number(host?.trim().split(' ')[0]), 'SIGKILL');
    const { code, stderr } = await running.exit;
    expect([code, stderr]).toEqual([1, expect.stringMatching(/ended by itself \(signal SIGKILL\).*\(DEMO_HOST_LOST\)/)]);
    expect(readdirSync(temporary)).toEqual([]);
    // what the host had started hears of its end from the system
    await until('the end of its processes', () => processesOf(temporary).length === 0);
  });

  it('holds its host until it is interrupted, when that was asked for', async () => {
    const temporary = tempFolder('bellows-demo-tmp');
    const running = demo(['--hold', '--repo', sampleRepository()], temporary);
    await until('the summary', () => running.output().stdout.includes('The host stays up'));
    const page = /http:\S+/.exec(running.output().stdout)?.[0] ?? '';
    expect((await fetch(new URL('/health', page))).status).toBe(200);
    running.child.kill('SIGINT');
    expect((await running.exit).code).toBe(0);
    expect([readdirSync(temporary), processesOf(temporary)]).toEqual([[], []]);
  });

  it('has no agents where no name of a file can be given to them', async () => {
    const repo = newRepository({ 'new\nline.md': '# Only\n' });
    const { code, stdout } = await demo(['--repo', repo], tempFolder('bellows-demo-tmp')).exit;
    expect([code, stdout]).toEqual([0, expect.stringContaining('no folder has a file whose name an agent can be given')]);
  });

  it('takes folders with names like options, and dates that no clock has yet', async () => {
    const repo = newRepository({ '-n/-e.md': '# A ](<x>), words: 3\n' });
    git(repo, 'commit', '--quiet', '--amend', '--no-edit', '--date=@999999999999 +0000');
    expect(git(repo, 'log', '--format=%aI')).toMatch(/^\d{5}-/);
    const { code, stdout } = await demo(['--json', '--repo', repo], tempFolder('bellows-demo-tmp')).exit;
    expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ problems: [] })]);
  });

  it('finds what does not fit: an agent whose work is not what it says fails the demo', async () => {
    const folder = tempFolder();
    const kept = path.join(folder, 'kept');
    writeFileSync(
      path.join(folder, 'wrong.sh'),
      '#!/bin/sh\necho "- [x](<a.md>), words: 1" > docs/INDEX.md\ngit add -A\ngit commit --quiet -m wrong\n',
    );
    // The programs of a demo are copies, which somebody may change: here with the first call of git after they are there.
    const exchange = `if test -e '${kept}/bellows.yaml' && mkdir '${folder}/once' 2>/dev/null; then cp '${folder}/wrong.sh' '${kept}/agent.sh'; fi`;
    const programs = path.join(folder, 'programs');
    mkdirSync(programs);
    writeFileSync(path.join(programs, 'git'), `#!/bin/sh\n${exchange}\nPATH=\${PATH#*:} exec git "$@"\n`, { mode: 0o755 });
    const running = startProcess(['demo', '--quick', '--repo', sampleRepository(), '--keep', kept], {
      env: { TMPDIR: tempFolder('bellows-demo-tmp'), PATH: `${programs}:${process.env.PATH}` },
    });
    const { code, stderr, stdout } = await running.exit;
    expect([code, stderr]).toEqual([1, expect.stringContaining('(DEMO_FAILED)')]);
    expect(stdout).toMatch(/What is not as it should be\n {2}harness: the workflow ended as failed: .*verification_failed/);
    expect(git(path.join(kept, 'repository'), 'branch', '--list', 'bellows-demo')).toBe('');
  });

  it.each([
    [['--repo', '/nowhere/at/all'], 'DEMO_REPO_INVALID'],
    [['--keep', REPOSITORY], 'DEMO_FOLDER_IN_USE'],
  ])('refuses %j with 2', async (args, code) => {
    const { code: exit, stderr } = await runBellows(['demo', ...args]);
    expect([exit, stderr]).toEqual([2, expect.stringContaining(`(${code})`)]);
  });
});
