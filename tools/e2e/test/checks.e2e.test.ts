import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { GENERATED_MARK as MADE } from '../../documents/blocks.mjs';
import { cleanEnv, REPOSITORY } from './running-host.js';
import { tempFolder } from './temp-folder.js';

/** One thing that is wrong and the same thing right, for each check. Put together here so that the checks do not find this file. */
const CASES = [
  ['marks', 'sdk/src/a.ts', `// ${'TO'}${'DO'}: later\n`, '// done\n'],
  ['marks', 'README.md', `${'FIX'}${'ME'}\n`, 'fixed\n'],
  ['length', 'host/src/a.ts', 'export {};\n'.repeat(401), 'export {};\n'.repeat(400)],
  ['machine', 'docs/a.md', `see /${'home'}/somebody/project\n`, 'see ./project\n'],
  ['codes', 'host/src/a.ts', "throw new ConfigError('NOT_IN_TABLE', 'x');\n", "throw new ConfigError('IN_TABLE', 'x');\n"],
  ['codes', 'docs/examples/a/src/a.ts', "throw new ConfigError('NOT_IN_TABLE', 'x');\n", "throw new ConfigError('IN_TABLE', 'x');\n"],
  ['codes', 'plugins/workflow/src/a.ts', "throw workflowError('NOT_IN_TABLE', 'x');\n", "throw workflowError('IN_TABLE', 'x');\n"],
  ['codes', 'plugins/harness/src/a.ts', "throw harnessError(\n  'NOT_IN_TABLE',\n  'x');\n", "throw harnessError('IN_TABLE', 'x');\n"],
  ['links', 'docs/a.md', '[there](not-there.md)\n', '[there](../README.md)\n'],
  ['commands', 'docs/a.md', '```bash\nnpm run not-a-script\n```\n', '```bash\nnpm run lint\n```\n'],
  ['blocks', 'docs/a.md', '```bash\nls\n```\n', '```bash run\nls\n```\n'],
  ['blocks', 'docs/a.md', '```sh\nls\n```\n', '<!-- not run: it is yours -->\n```sh\nls\n```\n'],
  ['blocks', 'docs/a.md', '```bash runn\nls\n```\n', '```bash run\nls\n```\n'],
  ['blocks', 'docs/a.md', '```bash run background\nls\n```\n', '```bash run background until="a"\nls\n```\n'],
  ['blocks', 'README.md', '```json\n{ a: 1 }\n```\n', '```json\n{ "a": 1 }\n```\n'],
  ['blocks', 'sdk/README.md', '```typescript\nlet a;\n```\n', '```ts\nlet a;\n```\n'],
  ['blocks', 'plugins/compute/README.md', '  ```yaml\n  a: 1\n  ```\n', '```yaml\na: 1\n```\n'],
  ['blocks', 'docs/a.md', '~~~bash\nls\n~~~\n', '```bash run\nls\n```\n'],
  ['blocks', 'docs/a.md', '````bash\nls\n````\n', '```bash run\nls\n```\n'],
  ['blocks', 'docs/a.md', '> ```bash\n> ls\n> ```\n', '> `ls`\n'],
  ['blocks', 'docs/a.md', '1. ```bash\n   ls\n   ```\n', '1. `ls`\n'],
  ['blocks', 'docs/a.md', '<pre>\nls\n</pre>\n', 'The tag `<pre>`\n'],
  ['blocks', 'docs/a.md', 'Type:\n\n    ls\n', '- Type:\n\n  or not\n'],
  ['blocks', 'docs/a.md', '```bash run\r\nls\r\n```\r\n', '```bash run\nls\n```\n'],
  ['blocks', 'docs/a.md', '```text\na\n``` \n\n```bash\nls\n```\n', '```text\na\n```\n\n```bash run\nls\n```\n'],
  ['blocks', 'docs/a.md', '```bash run\nls\n', '```bash run\nls\n```\n'],
  ['blocks', 'docs/a.md', '<!--\n```bash run\nls\n```\n-->\n', '<!-- a note -->\n'],
  ['blocks', 'docs/a.md', '```js\nlet a;\n```\n', '```js file=a.js\nlet a;\n```\n'],
  ['blocks', 'docs/a.md', '```\nls\n```\n', '```text\nls\n```\n'],
  ['blocks', 'docs/a.md', '```Bash\nls\n```\n', '```bash run\nls\n```\n'],
  ['blocks', 'docs/a.md', '```zsh\nls\n```\n', '```bash run\nls\n```\n'],
  ['blocks', 'docs/a.md', '```text\n$ ls\n```\n', '```text\na.txt\n```\n'],
  ['blocks', 'docs/a.md', '```bash run repeat\nls\n```\n', '```bash run repeat\nls\n```\n\n```text\na\n```\n'],
  ['blocks', 'docs/a.md', '```text beside\nls\n```\n', '```bash run beside\nls\n```\n'],
  ['blocks', 'docs/a.md', '<!-- not run: because -->\n```bash run\nls\n```\n', '```bash run\nls\n```\n'],
  ['blocks', 'docs/a.md', `${MADE}\`\`\`bash\nls\n\`\`\`\n`, 'by hand\n'],
  ['blocks', 'docs/reference/a.md', `${MADE.slice(0, 30)} -->\n\`\`\`bash\nls\n\`\`\`\n`, `${MADE}\`\`\`bash\nls\n\`\`\`\n`],
  ['blocks', 'docs/a.md', '```yaml file\na: 1\n```\n', '```yaml file=a.yaml\na: 1\n```\n'],
  ['commands', 'docs/a.md', '```bash\nnpx bellows status\n```\n', '```bash\nnpx --no-install bellows status\n```\n'],
  ['commands', 'docs/a.md', '```bash\nnpx --no-install bellows levitate\n```\n', '```bash\nnpx --no-install bellows status\n```\n'],
] as const;

describe('the checks', () => {
  // All that is wrong for one check in one tree, all that is right in another: a process for each case would take most of the time.
  describe.each([...new Set(CASES.map(([name]) => name))])('%s', (name) => {
    const cases = CASES.filter((one) => one[0] === name).map(
      ([, file, wrong, right], index) => [file.replace(/\ba\.(ts|md)$/, `a${index}.$1`), wrong, right] as const,
    );
    let broken: ReturnType<typeof check>;
    let sound: ReturnType<typeof check>;
    beforeAll(() => {
      broken = check(name, Object.fromEntries(cases.map(([file, wrong]) => [file, wrong])));
      sound = check(name, Object.fromEntries(cases.map(([file, _wrong, right]) => [file, right])));
    });

    it.each(cases)('finds what is wrong in %s', (file) => {
      expect([broken.status, broken.stdout]).toEqual([1, expect.stringContaining(`\n       ${file}`)]);
    });

    it('finds nothing else, and nothing where all of it is right', () => {
      const problems = broken.stdout.split('\n').filter((line) => line.startsWith('       '));
      expect(problems.filter((line) => !cases.some(([file]) => line.includes(file)))).toEqual([]);
      expect([sound.status, sound.stdout]).toEqual([0, expect.stringMatching(/^ok {3}/)]);
    });
  });

  it('names: find a folder that says nothing', () => {
    expect(check('names', { 'sdk/src/utils/a.ts': '' })).toMatchObject({ status: 1, stdout: expect.stringContaining('utils') });
    expect(check('names', { 'sdk/src/mailbox/a.ts': '' })).toMatchObject({ status: 0 });
  });

  describe('packages', () => {
    const good = { name: 'sample', version: '1.0.0', license: 'MIT', type: 'module', exports: './dist/a.js', files: ['dist/a.*s'] };
    const checked = (manifest: object) =>
      check('packages', {
        LICENSE: 'Do what you like.\n',
        'sdk/LICENSE': 'Do what you like.\n',
        'sdk/dist/a.js': 'export {};\n',
        'sdk/dist/a.d.ts': 'export {};\n',
        'sdk/dist/a.tsbuildinfo': '',
        'sdk/test/a.test.js': '',
        'sdk/package.json': JSON.stringify(manifest),
      });

    it.each([
      ['names a file that is not there', { exports: './dist/gone.js' }, 'gone.js'],
      ['would publish its tests', { files: ['dist', 'test'] }, 'test/a.test.js would be published'],
      ['would publish what the compiler keeps', { files: ['dist'] }, 'a.tsbuildinfo would be published'],
      ['has its types behind its code', { exports: { default: './dist/a.js', types: './dist/a.d.ts' } }, 'types'],
    ])('find one that %s', (_what, wrong, line) => {
      const { status, stdout } = checked({ ...good, ...wrong });
      expect([status, stdout]).toEqual([1, expect.stringMatching(new RegExp(`^ +sdk: .*${line}`, 'm'))]);
    });

    it('find nothing in one that is none of that', () => {
      expect(checked(good)).toMatchObject({ status: 0 });
    });
  });

  it('packages: find one that goes without the licence of the repository', () => {
    const files = {
      LICENSE: 'Do what you like.\n',
      'sdk/dist/a.js': 'export {};\n',
      'sdk/package.json': JSON.stringify({ name: 'sample', version: '1.0.0', type: 'module', exports: './dist/a.js', files: ['dist'] }),
    };
    for (const own of [{}, { 'sdk/LICENSE': 'Do what I like.\n' }]) {
      const { status, stdout } = check('packages', { ...files, ...own });
      expect([status, stdout]).toEqual([1, expect.stringContaining('copy it to sdk/LICENSE')]);
    }
  });

  it('refuse a check that does not exist', () => {
    expect(check('no-such-check', {})).toMatchObject({ status: 2 });
  });
});

/** Runs one check on a tree of its own. */
function check(name: string, files: Readonly<Record<string, string>>): { readonly status: number | null; readonly stdout: string } {
  const tree = tempFolder('bellows-checks');
  const common = {
    'package.json': '{ "scripts": { "lint": "" } }',
    'README.md': 'read me\n',
    'docs/reference/cli.md': '## `bellows status`\n',
    'host/src/error-codes.ts': "export const CODES = {\n  IN_TABLE: { kind: 'config', text: 'x' },\n};\n",
  };
  for (const [file, text] of Object.entries({ ...common, ...files })) {
    mkdirSync(path.dirname(path.join(tree, file)), { recursive: true });
    writeFileSync(path.join(tree, file), text);
  }
  const args = [path.join(REPOSITORY, 'tools/checks/check.mjs'), '--only', name, '--root', tree];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', env: cleanEnv() });
  return { status, stdout };
}
