import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { copyOfRepository, linkModules, linkWorkspaces, runNode } from './repository-copy.js';
import { cleanEnv, REPOSITORY, startHost } from './running-host.js';
import { shareBuilds } from './shared-builds.js';

const NAME = 'night-watch';
const FOLDER = `plugins/${NAME}`;
const LOCK = 'package-lock.json';

const { nameProblem } = createRequire(import.meta.url)('../../generators/plugin/plugin-name.cjs') as {
  nameProblem(name: unknown, taken: ReadonlyMap<string, string>): string | undefined;
};

const { configWithPlugin } = createRequire(import.meta.url)('../../generators/plugin/plugin-config.cjs') as {
  configWithPlugin(text: string, name: string): { readonly text?: string; readonly problem?: string };
};

let clone: string;

beforeAll(() => {
  clone = copyOfRepository();
  linkModules(clone);
  linkWorkspaces(clone, ['sdk', 'host', 'plugins/compute', 'plugins/workflow', 'plugins/harness', 'tools', 'tools/e2e']);
  shareBuilds(clone);
  // so that run.mjs does not install what is linked here
  cpSync(path.join(REPOSITORY, 'node_modules/.install-stamp'), path.join(clone, 'node_modules/.install-stamp'));
  runGit(['add', '--all']);
  runGit(['-c', 'user.name=nobody', '-c', 'user.email=nobody@example.org', 'commit', '--quiet', '--message', 'as it was']);
});

describe('the name of a plugin', () => {
  const taken = new Map([
    ['compute', 'plugins/compute'],
    ['my-tool', 'plugins/My-Tool'],
  ]);

  it.each(['my-plugin', 'a', 'x2', 'night-watch-2', 'n'.repeat(64)])('%s is taken', (name) => {
    expect(nameProblem(name, taken)).toBeUndefined();
  });

  it.each([
    ['My-Plugin', 'such as my-plugin.'],
    ['myPlugin', 'such as my-plugin.'],
    ['my_plugin', 'such as my-plugin.'],
    ['-x', 'such as x.'],
    ['3d', 'such as my-plugin.'],
    ['9lives', 'the first of which begins with a letter, such as my-plugin.'],
    ['ümlaut', 'such as umlaut.'],
    ['', 'such as my-plugin.'],
    [undefined, 'such as my-plugin.'],
    ['../escaped', 'lower-case words'],
    ['a/b', 'lower-case words'],
    ['__proto__', 'lower-case words'],
    ['größe', 'such as my-plugin.'],
    ['日本-x', 'such as my-plugin.'],
    ['n'.repeat(65), 'has 65 characters: use at most 64'],
    ['host', 'Bellows uses that name itself'],
    ['sdk', 'Bellows uses that name itself'],
    ['bellows', 'Bellows uses that name itself'],
    ['staging', 'Bellows uses that name itself'],
    ['version', 'Bellows uses that name itself'],
    ['dist', 'git ignores folders of that name'],
    ['class', 'has a meaning in JavaScript'],
    ['constructor', 'has a meaning in JavaScript'],
    ['nul', 'Windows has no folders of that name'],
    ['compute', 'a plugin called compute already, in plugins/compute'],
    ['my-tool', 'a plugin called my-tool already, in plugins/My-Tool'],
  ])('%s is refused with a sentence that says why', (name, sentence) => {
    expect(nameProblem(name, taken)).toContain(sentence);
  });
});

describe('the configuration with a plugin more', () => {
  const entry = 'plugins:\n  mine:\n    from: ./plugins/mine\n';

  it.each([
    ['nothing', '', entry],
    ['only a comment', '# mine\n', `# mine\n\n${entry}`],
    ['no plugins', 'host: { port: 7070 } # fixed\n', `host: { port: 7070 } # fixed\n${entry}`],
    ['plugins, but none of them', 'plugins:\n', entry],
    ['an empty list of them', 'plugins: {}\nhost: {}\n', 'plugins: { mine: { from: ./plugins/mine } }\nhost: {}\n'],
    [
      'comments, blank lines, and long lines',
      `# top\n\nplugins:\n  # first\n  a: { from: ./a } # why\n\n# ${'long '.repeat(40).trim()}\nhost:\n  port: 1\n`,
      `# top\n\nplugins:\n  # first\n  a: { from: ./a } # why\n  mine:\n    from: ./plugins/mine\n\n# ${'long '.repeat(40).trim()}\nhost:\n  port: 1\n`,
    ],
  ])('keeps what is there: %s', (_what, before, after) => {
    expect(configWithPlugin(before, 'mine')).toEqual({ text: after });
  });

  it.each([
    ['is not readable', 'plugins: [\n', 'cannot be read'],
    ['is a list', '- a\n', 'holds no options'],
    ['has plugins that are none', 'plugins: 7\n', 'no list of names'],
    ['has one of that name', 'plugins: { mine: { from: ./elsewhere } }\n', 'has an entry plugins.mine already'],
  ])('is not written when it %s', (_what, before, problem) => {
    expect(configWithPlugin(before, 'mine')).toEqual({ problem: expect.stringContaining(problem) });
  });
});

describe('npm run nx -- g ./tools:plugin', () => {
  it.each([
    ['a name that stands for something outside', ['../escaped'], 'lower-case words'],
    ['the name of a plugin that is there', ['workflow'], 'There is a plugin called workflow already, in plugins/workflow'],
    ['the name of an example', ['greeter'], 'There is a plugin called greeter already, in docs/examples/greeter'],
    ['an option it does not know', [NAME, '--nonsense'], 'nonsense'],
    ['no name', [], 'name'],
  ])('refuses %s before anything is written', (_what, args, sentence) => {
    const { status, output } = generate(args);
    expect([status, output]).toEqual([1, expect.stringContaining(sentence)]);
    expect(changes()).toEqual([]);
  });

  it('says in its help what it does, with an example', () => {
    const { output } = generate(['--help']);
    expect(output).toContain('Writes a new plugin below plugins/');
    expect(output).toContain('npm run nx -- g ./tools:plugin my-plugin');
    expect(output).not.toContain('undefined');
  });

  it('writes nothing when it only shows what it would do', () => {
    expect(generate([NAME, '--dryRun'])).toMatchObject({ status: 0, output: expect.stringContaining(`CREATE ${FOLDER}/src/index.ts`) });
    expect(changes()).toEqual([]);
  });

  describe('with a good name', () => {
    let written: ReturnType<typeof generate>;
    let configBefore: string;

    beforeAll(() => {
      configBefore = readFileSync(path.join(clone, 'bellows.yaml'), 'utf8');
      written = generate([NAME, '--addToConfig', '--description', 'Watches "the night".\nAll of it.']);
    });

    it('writes the plugin and says how to go on', () => {
      expect(written).toMatchObject({ status: 0, output: expect.stringContaining(`npm run nx -- test @bellows/plugin-${NAME}`) });
      expect(written.output).toContain(`npx --no-install bellows call ${NAME}.fingerprint`);
      expect(changes()).toEqual([LOCK, `${FOLDER}/`, 'bellows.yaml'].sort());
      const { description } = JSON.parse(readFileSync(path.join(clone, FOLDER, 'package.json'), 'utf8')) as { description: string };
      expect(description).toBe('Watches "the night". All of it.');
    });

    it('adds it to the end of bellows.yaml and leaves the rest as it was', () => {
      const config = readFileSync(path.join(clone, 'bellows.yaml'), 'utf8');
      expect(config).toBe(`${configBefore}  ${NAME}:\n    from: ./${FOLDER}\n`);
    });

    it('makes npm know it, so that nothing is to be installed again', () => {
      const lock = readFileSync(path.join(clone, LOCK), 'utf8');
      expect(JSON.parse(lock).packages[`node_modules/@bellows/plugin-${NAME}`]).toEqual({ resolved: FOLDER, link: true });
      expect(existsSync(path.join(clone, `node_modules/@bellows/plugin-${NAME}/plugin.json`))).toBe(true);
      const again = run('npm', ['install', '--package-lock-only', '--ignore-scripts', '--offline', '--no-audit', '--no-fund']);
      expect([again.status, readFileSync(path.join(clone, LOCK), 'utf8') === lock]).toEqual([0, true]);
    });

    it('is built, has the right types in its tests too, and passes them', () => {
      const project = `@bellows/plugin-${NAME}`;
      const { status, output } = npmRun(['nx', '--', 'run-many', '-t', 'test', 'typecheck', '-p', project, '--output-style=static']);
      expect([status, output]).toEqual([0, expect.stringMatching(/15 passed/)]);
      expect(output).not.toContain('Installing dependencies');
    }, 240_000);

    it('passes the lint and the checks of the clone', () => {
      const lint = npmRun(['lint', '--', FOLDER]);
      expect([lint.status, lint.output]).toEqual([0, expect.stringMatching(/Checked \d+ files.*No fixes applied/)]);
      const check = runNode(['tools/checks/check.mjs', '--only', 'layers,marks,length,names,machine,codes,links,commands,blocks'], clone);
      expect(check).toMatchObject({ status: 0, output: expect.stringContaining('9 of 9 checks passed') });
      const publint = runNode(['node_modules/publint/src/cli.js', 'run', '--strict', FOLDER], clone);
      expect(publint).toMatchObject({ status: 0, output: expect.stringContaining('All good!') });
      const [own, ours] = [FOLDER, '.'].map((place) => readFileSync(path.join(clone, place, 'LICENSE'), 'utf8'));
      expect(own).toBe(ours);
    });

    it('answers on a real host, over HTTP and on the command line, and its subsystem is explained', async () => {
      const main = path.join(clone, 'host/dist/main.js');
      const host = await startHost({ main, config: { plugins: { [NAME]: { from: path.join(clone, FOLDER), config: { rounds: 1000 } } } } });
      const answer = await host.call(`${NAME}.fingerprint`, { text: 'hello' });
      expect(answer).toMatchObject({ status: 200, json: { fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) } });
      const called = await host.bellows(['call', `${NAME}.fingerprint`, '{ "text": "hello" }']);
      expect([called.code, JSON.parse(called.stdout)]).toEqual([0, answer.json]);
      const explained = await host.bellows(['explain', `${NAME}.work`]);
      expect([explained.code, explained.stdout]).toEqual([0, expect.stringContaining(`${NAME}.work (plugin ${NAME})`)]);
      expect((await host.stop()).code).toBe(0);
    });

    it('is not written over by a second time', () => {
      const before = changes();
      expect(generate([NAME])).toMatchObject({ status: 1, output: expect.stringContaining(`called ${NAME} already, in ${FOLDER}`) });
      expect(changes()).toEqual(before);
    });

    it('and another one at the same moment are both in bellows.yaml and in the lock file', async () => {
      const names = ['day-watch', 'dawn-watch'];
      expect(await Promise.all(names.map((name) => generateBeside([name, '--addToConfig'])))).toEqual([0, 0]);
      const [config, lock] = ['bellows.yaml', LOCK].map((file) => readFileSync(path.join(clone, file), 'utf8'));
      for (const name of names) {
        expect(config).toContain(`from: ./plugins/${name}\n`);
        expect(lock).toContain(`"plugins/${name}": {`);
      }
    });
  });
});

function generate(args: readonly string[]) {
  return npmRun(['nx', '--', 'g', './tools:plugin', ...args]);
}

function npmRun(args: readonly string[]) {
  return run('npm', ['run', ...args]);
}

/** The exit code of one that does not hold up this process. */
async function generateBeside(args: readonly string[]): Promise<number | null> {
  const child = spawn('npm', ['run', 'nx', '--', 'g', './tools:plugin', ...args], { cwd: clone, stdio: 'ignore', env: envWithNode() });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}

function run(command: string, args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: clone, encoding: 'utf8', env: envWithNode() });
  return { status, output: `${stdout}${stderr}` };
}

/** With this Node.js, which may not be the one on the PATH. */
function envWithNode() {
  const { PATH, ...env } = cleanEnv();
  return { ...env, PATH: `${path.dirname(process.execPath)}${path.delimiter}${PATH ?? ''}` };
}

/** What git sees of a change; folders that are new as a whole. */
function changes(): string[] {
  const lines = runGit(['status', '--porcelain']).split('\n').filter(Boolean);
  return lines.map((line) => line.slice('?? '.length)).sort();
}

function runGit(args: readonly string[]): string {
  return spawnSync('git', args, { cwd: clone, encoding: 'utf8', env: cleanEnv() }).stdout;
}
