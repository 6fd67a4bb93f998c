import { describe, expect, it } from '@jest/globals';
import { bellows } from './terminal.js';

describe('bellows check and config print', () => {
  const problems = [
    { path: 'host.prot', message: 'unknown key "prot"', suggestion: 'port' },
    { path: 'plugins.a.from', message: 'is missing' },
  ];

  it('says that all is well, and what would be loaded', async () => {
    const deps = {
      checkConfig: async () => ({ problems: [], plugins: [{ id: 'demo', version: '1.0.0', from: './demo' }], warnings: ['two versions'] }),
    };
    expect(await bellows(['check'], { deps })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/demo 1\.0\.0 from \.\/demo\nwarning: two versions\n$/),
    });
  });

  it('lists every problem with its place and what is right, and exits 2', async () => {
    const deps = {
      checkConfig: async () => ({ problems, plugins: [], warnings: [] }),
      effectiveConfig: async () => ({ problems, entries: [] }),
    };
    for (const argv of [['check'], ['config', 'print']]) {
      const { code, stderr, stdout } = await bellows(argv, { deps });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain('  host.prot: unknown key "prot"; did you mean port?\n  plugins.a.from: is missing\n');
    }
    const named = { effectiveConfig: async () => ({ problems, entries: [], file: '/srv/bellows.yaml' }) };
    const { stderr } = await bellows(['config', 'print'], { deps: named });
    expect(stderr).toContain('the configuration /srv/bellows.yaml has 2 problems; nothing was printed.');
  });

  it('prints every option and every value whole within the width of a terminal, in one line each in a pipe', async () => {
    const value = { words: Array.from({ length: 20 }, (_, at) => `word ${at}`), solid: 'x'.repeat(60) };
    const entries = [
      { path: 'host.port', value: 7070, origin: 'default' },
      { path: 'plugins.demo.config', value, origin: '/srv/app/bellows.yaml, line 12' },
    ];
    const deps = { effectiveConfig: async () => ({ problems: [], entries }) };
    const inPipe = await bellows(['config', 'print'], { deps });
    expect(inPipe.stdout).toMatch(/^OPTION +VALUE +FROM\nhost\.port +7070 +default\nplugins\.demo\.config +\{.*\} +\/srv.*12\n$/);
    const { stdout } = await bellows(['config', 'print'], { deps, isTTY: true });
    for (const line of stdout.trimEnd().split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    const values = stdout
      .split('\n')
      .map((line) => line.slice(stdout.indexOf('VALUE'), stdout.indexOf('FROM')).trim())
      .join('');
    expect(values.replaceAll(' ', '')).toContain(JSON.stringify(value).replaceAll(' ', ''));
  });

  it('prints every option with its value and origin, and passes on the options of the command line', async () => {
    let seen: unknown;
    const deps = {
      effectiveConfig: async (options: unknown) => {
        seen = options;
        return { problems: [], entries: [{ path: 'host.port', value: 7070, origin: 'default' }] };
      },
    };
    const { stdout } = await bellows(['config', 'print', '--config', 'x.yaml', '--data', 'd'], { deps, cwd: '/srv/app' });
    expect(stdout).toMatch(/host\.port +7070 +default/);
    expect(seen).toEqual({ configFile: 'x.yaml', dataDir: 'd', env: {}, cwd: '/srv/app' });
  });
});

describe('bellows config diff and schema', () => {
  const changes = [{ path: 'host.port', from: 1, to: 2, effect: 'host-restart' }] as const;

  it('shows what differs between two files and how it takes effect; exits with 1 for that only where asked to', async () => {
    const seen: unknown[] = [];
    const deps = {
      compareConfigs: async (...both: unknown[]) => {
        seen.push(both);
        return { problems: [], changes };
      },
    };
    const { code, stdout } = await bellows(['config', 'diff', 'a.yaml', 'b.yaml'], { deps, cwd: '/srv' });
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^OPTION +FROM +TO +TAKES EFFECT\nhost\.port +1 +2 +\S/)]);
    expect(seen).toEqual([
      [expect.objectContaining({ configFile: 'a.yaml', cwd: '/srv' }), expect.objectContaining({ configFile: 'b.yaml' })],
    ]);
    const asked = await bellows(['config', 'diff', 'a.yaml', 'b.yaml', '--exit-code', '--json'], { deps });
    expect([asked.code, asked.json]).toEqual([1, { changes }]);
    const same = { compareConfigs: async () => ({ problems: [], changes: [] }) };
    expect(await bellows(['config', 'diff', 'a.yaml', 'b.yaml', '--exit-code'], { deps: same })).toMatchObject({
      code: 0,
      stdout: 'Nothing differs.\n',
    });
  });

  it('shows of long values where they differ', async () => {
    const path = (end: string) => `/srv/a/very/long/path/that/both/of/them/have/in/common/${end}`;
    const pairs = [
      [path('one.yaml'), path('two.yaml')],
      [path('one.yaml'), undefined],
      ['a'.repeat(60), 'b'.repeat(60)],
      [path('x'), path('xy')],
    ] as const;
    const differing = pairs.map(([from, to], at) => ({ path: `option${at}`, from, to, effect: 'live' as const }));
    const deps = { compareConfigs: async () => ({ problems: [], changes: differing }) };
    const { stdout } = await bellows(['config', 'diff', 'a.yaml', 'b.yaml'], { deps });
    const rows = stdout
      .split('\n')
      .slice(1, -1)
      .map((line) => line.split(/ {2,}/).slice(1, 3));
    expect(rows).toEqual([
      ['…e/in/common/one.yaml"', '…e/in/common/two.yaml"'],
      ['"/srv/a/very/long/path/that/both/of/the…', '(not set)'],
      [`"${'a'.repeat(38)}…`, `"${'b'.repeat(38)}…`],
      ['…/in/common/x"', '…/in/common/xy"'],
    ]);
  });

  it('names the faults of either file and exits 2, and wants two files', async () => {
    const deps = { compareConfigs: async () => ({ problems: [{ path: 'b.yaml: host.prot', message: 'unknown key' }], changes: [] }) };
    const faulty = await bellows(['config', 'diff', 'a.yaml', 'b.yaml'], { deps });
    expect([faulty.code, faulty.stderr]).toEqual([2, expect.stringContaining('b.yaml: host.prot: unknown key')]);
    expect(await bellows(['config', 'diff', 'a.yaml'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('A second file is missing'),
    });
  });

  it('prints the schema, and says where it could not be written', async () => {
    const deps = { editorSchema: async () => ({ schema: { title: 'bellows.yaml' }, problems: [] }) };
    expect((await bellows(['config', 'schema'], { deps })).json).toEqual({ title: 'bellows.yaml' });
    const lost = await bellows(['config', 'schema', '--output', ''], { deps });
    expect([lost.code, lost.stderr]).toEqual([2, expect.stringContaining('Cannot write a file: its name is empty. Name another file')]);
    const problems = [{ path: 'plugins.a', message: 'is missing' }];
    expect(await bellows(['config', 'schema'], { deps: { editorSchema: async () => ({ schema: {}, problems }) } })).toMatchObject({
      code: 2,
      stdout: '',
    });
  });
});
