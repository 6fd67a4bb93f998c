import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { loadTokenTable, parseTokens, TokenTable } from '../../src/http/token-table.js';

const sha = (digit: string) => digit.repeat(64);

describe('parseTokens', () => {
  it('takes YAML and JSON', () => {
    const entries = [{ name: 'ci', role: 'operator', sha256: sha('a') }];
    expect(parseTokens(JSON.stringify(entries), 'f')).toEqual(entries);
    expect(parseTokens(`- { name: ci, role: operator, sha256: ${sha('a')} }\n`, 'f')).toEqual(entries);
  });

  it('names every fault with its place and what is right', async () => {
    const text = JSON.stringify([
      { name: 'a', role: 'oprator', sha256: 'short' },
      { nam: 'b', role: 'admin', sha256: sha('b') },
    ]);
    await expect(async () => parseTokens(text, 'tokens.yaml')).rejects.toMatchObject({
      code: 'TOKENS_FILE_INVALID',
      kind: 'config',
      message: expect.stringContaining('tokens.yaml'),
      details: expect.arrayContaining([
        expect.objectContaining({ path: 'tokens[0].role', suggestion: 'operator' }),
        expect.objectContaining({ path: 'tokens[0].sha256' }),
        expect.objectContaining({ path: 'tokens[1].nam', suggestion: 'name' }),
      ]),
    });
  });

  it('says in which line of which file each fault is, and how many there are', async () => {
    const text = `- { name: a, role: reader, sha256: ${sha('a')} }\n- name: b\n  role: emperor\n  sha256: short\n- 7\n`;
    await expect(async () => parseTokens(text, '/etc/tokens.yaml')).rejects.toMatchObject({
      message: expect.stringMatching(
        /^The tokens file \/etc\/tokens\.yaml is not valid: tokens\[1\]\.role: .*line 3 of .* \(and 2 more, see details\)$/,
      ),
      details: [
        { path: 'tokens[1].role', message: expect.stringMatching(/ \(line 3 of \/etc\/tokens\.yaml\)$/) },
        { path: 'tokens[1].sha256', message: expect.stringMatching(/line 4 of/) },
        { path: 'tokens[2]', message: expect.stringMatching(/line 5 of/) },
      ],
    });
  });

  it.each([
    ['- { name: a\n  role: b', /^is no valid YAML: [^\n]+$/],
    ['- a: 1\n  a: 2', /second time/],
    ['\n# nothing yet\n', /the tokens file is empty.*bellows token new/],
  ])('tells of %j in one line with its place', async (text, message) => {
    await expect(async () => parseTokens(text, '/etc/tokens.yaml')).rejects.toMatchObject({
      details: [{ path: expect.stringMatching(/^\/etc\/tokens\.yaml(:\d+:\d+)?$/), message: expect.stringMatching(message) }],
    });
  });

  it('takes a list of nobody', () => {
    expect(parseTokens('[]', 'f')).toEqual([]);
  });

  it('takes a tenant and a user an entry is bound to, and refuses names no header can have', async () => {
    const entry = { name: 'a', role: 'reader', sha256: sha('A') };
    expect(parseTokens(JSON.stringify([{ ...entry, tenant: 'acme', user: 'ann' }]), 'f')).toMatchObject([{ tenant: 'acme', user: 'ann' }]);
    for (const wrong of ['', 'x'.repeat(201), 'ü', 'a\nb', 7, null]) {
      const text = JSON.stringify([{ ...entry, tenant: wrong, user: wrong }]);
      await expect(async () => parseTokens(text, 'f')).rejects.toMatchObject({
        details: [{ path: 'tokens[0].tenant' }, { path: 'tokens[0].user' }],
      });
    }
  });

  it('refuses two entries of one name or one token', async () => {
    const text = JSON.stringify([
      { name: 'a', role: 'admin', sha256: sha('A') },
      { name: 'a', role: 'admin', sha256: sha('a') },
    ]);
    await expect(async () => parseTokens(text, 'f')).rejects.toMatchObject({
      details: [{ path: 'tokens[1].name' }, { path: 'tokens[1].sha256' }],
    });
  });

  it('refuses what is no list, no YAML, or a bomb of aliases', async () => {
    for (const text of ['', 'a: 1', '- [', '"x"', '- &a {name: x}\n- *a']) {
      await expect(async () => parseTokens(text, 'f')).rejects.toMatchObject({ code: 'TOKENS_FILE_INVALID' });
    }
  });
});

describe('loadTokenTable', () => {
  it('says when the file cannot be read, and finds who a token belongs to when it can', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'bellows-tokens-'));
    const file = path.join(folder, 'tokens.yaml');
    await expect(loadTokenTable(file)).rejects.toMatchObject({ code: 'TOKENS_FILE_INVALID', details: [{ path: 'host.tokensFile' }] });
    // The hash of "secret".
    await writeFile(file, '- { name: ann, role: reader, sha256: 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b }');
    const table = await loadTokenTable(file);
    expect(table).toBeInstanceOf(TokenTable);
    expect(table.find('secret')).toMatchObject({ name: 'ann', role: 'reader' });
    expect(table.find('Secret')).toBeUndefined();
    await rm(folder, { recursive: true });
  });
});
