import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type BashLine, bashAnswer, parseBashLine } from '../../src/completion/bash.js';
import { SHELLS } from '../../src/completion/shells.js';

/** What bash has from the start. */
const BREAKS = ' \t\n"\'><=;|&(:';

describe('a line of bash', () => {
  it.each<[string, Partial<BashLine>]>([
    ['bellows ', { words: [], current: '' }],
    ['bellows st', { words: [], current: 'st' }],
    ['bellows  compute\tget f', { words: ['compute', 'get'], current: 'f' }],
    ['bellows call "two words" x', { words: ['call', 'two words'], current: 'x' }],
    ['bellows call "two wo', { current: 'two wo', quote: '"', kept: '' }],
    ["bellows call a'b c", { current: 'ab c', quote: "'", kept: 'a' }],
    ['bellows call two\\ wo', { current: 'two wo', quote: '', kept: '' }],
    ['bellows load --scenario=sm', { current: '--scenario=sm', kept: '--scenario=' }],
    ['bellows get a:b:c', { current: 'a:b:c', kept: 'a:b:' }],
    ['bellows get a\\:b', { current: 'a:b', kept: '' }],
    ['bellows call $(rm -rf x) `', { words: ['call', '$(rm', '-rf', 'x)'], current: '`' }],
    ['bellows call "" ', { words: ['call', ''], current: '' }],
    ['', { words: [], current: '' }],
  ])('%j is split as bash splits it, and nothing of it runs', (line, expected) => {
    expect(parseBashLine(line, BREAKS)).toMatchObject(expected);
  });

  it('takes any line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (line) => {
        const { current, kept } = parseBashLine(line, BREAKS);
        expect(current.startsWith(kept)).toBe(true);
      }),
    );
  });

  it('puts a name into the line so that it is read as that name again, whatever quote is open', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.constantFrom('', '"', "'"), (name, quote) => {
        const line = parseBashLine(`bellows ${quote}`, BREAKS);
        const [, word] = answerOf([name], line);
        if (word === undefined)
          return expect(quote === '"' ? '!' : "'").toBe([...name].find((character) => character === (quote === '"' ? '!' : "'")));
        expect(parseBashLine(`bellows ${quote}${word}${quote} `, BREAKS).words).toEqual([name]);
      }),
    );
  });
});

describe('the script in a real bash', () => {
  const MARK = '/tmp/bellows-completion-ran';
  const NAMES = [
    'plain.name',
    'two words',
    '$(touch /tmp/bellows-completion-ran)',
    '`touch /tmp/bellows-completion-ran`',
    '; touch /tmp/bellows-completion-ran',
    '& touch /tmp/bellows-completion-ran #',
    '$IFS$9',
    '~root',
    '{a,b}*?[x]',
    'back\\slash"double\'single',
    '!history',
    'x=$HOME',
    'ünï 漢字',
    '#comment',
    '>file',
  ];

  it('offers hostile names so that they are words and nothing else', () => {
    expect(insertedInBash(NAMES, 'bellows call ')).toEqual(NAMES);
    expect(existsSync(MARK)).toBe(false);
  });

  it('offers any name so that it comes out as it is', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((text) => !/\p{Cc}/u.test(text));
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 40 }), (names) => {
        expect(insertedInBash(names, 'bellows call ')).toEqual(names);
      }),
      { numRuns: 15 },
    );
  });

  it('replaces only what bash replaces of a word with = or :', () => {
    const candidates = [{ value: 'a:b:c', description: '' }];
    expect(bashAnswer({ from: 'names', prefix: '', candidates }, parseBashLine('bellows get a:b:', BREAKS))).toBe('names\nc');
    expect(bashAnswer({ from: 'names', prefix: '--id=', candidates }, parseBashLine('bellows get --id=a', BREAKS))).toBe('names\na:b:c');
  });

  it('offers nothing, and says nothing, where the command is not there or fails', () => {
    expect(inBash('_bellows_run() { echo names; echo half; return 1; }', 'bellows ')).toBe('0');
    expect(inBash('_bellows_run() { echo noise >&2; return 127; }', 'bellows ')).toBe('0');
    expect(inBash('_bellows_run() { :; }', 'bellows ')).toBe('0');
  });

  it('starts this very program, whatever its path, or the one of the PATH when it has gone', () => {
    const script = SHELLS.bash.script(["/it's/$(here)/node", '/main.js']);
    expect(script).toContain("'/it'\\''s/$(here)/node'");
    const gone = `${script}\nPATH=/nowhere\nbellows() { echo function; }\n_bellows_run x 2>/dev/null || echo gone`;
    expect(execFileSync('bash', ['--norc', '-c', gone], { encoding: 'utf8' })).toBe('gone\n');
  });
});

function answerOf(names: readonly string[], line: BashLine): string[] {
  const candidates = names.map((value) => ({ value, description: '' }));
  return bashAnswer({ from: 'names', prefix: '', candidates }, line).split('\n');
}

/** The words a shell reads when each completion is put into a line and that line is run. */
function insertedInBash(names: readonly string[], line: string): string[] {
  const answer = answerOf(names, parseBashLine(line, BREAKS)).join('\n');
  const output = bash(
    `_bellows_run() { cat <&3; }`,
    line,
    `for word in "\${COMPREPLY[@]}"; do eval "printf '%s\\\\0' $word"; done`,
    answer,
  );
  return output.split('\0').slice(0, -1);
}

function inBash(run: string, line: string): string {
  return bash(run, line, 'printf %s "${#COMPREPLY[@]}"', '');
}

function bash(run: string, line: string, then: string, answer: string): string {
  const script = `${SHELLS.bash.script(['/none', '/none'])}\n${run}\nexec 3<<<"$ANSWER"\nCOMP_LINE=$LINE\nCOMP_POINT=\${#LINE}\n_bellows\n${then}`;
  const env = { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', LINE: line, ANSWER: answer };
  return execFileSync('bash', ['--norc', '-c', script], { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] });
}
