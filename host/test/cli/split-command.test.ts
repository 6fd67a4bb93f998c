import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { splitCommand } from '../../src/cli/split-command.js';

const split = (text: string) => splitCommand(text, '--verify');

/** What a shell makes of it. */
function shellWords(text: string): string[] {
  const shown = execFileSync('sh', ['-c', `set -f; show() { for word do printf '%s\\0' "$word"; done; }; show ${text}`], {
    encoding: 'utf8',
  });
  return shown.split('\0').slice(0, -1);
}

describe('splitCommand', () => {
  it.each([
    ['npm test', ['npm', 'test']],
    ['  npm \t run\n lint  ', ['npm', 'run', 'lint']],
    [`agent -p 'do it'  "and that"`, ['agent', '-p', 'do it', 'and that']],
    [`sh -c 'a && b > "$c"'`, ['sh', '-c', 'a && b > "$c"']],
    [String.raw`a\ b "c\"d" 'e\f' "g\h" \$x`, ['a b', 'c"d', String.raw`e\f`, String.raw`g\h`, '$x']],
    [`--name='two words'part`, ['--name=two wordspart']],
    [`agent '' ""`, ['agent', '', '']],
    ['jest src/*.test.ts --x=[a] ~/b {c,d} #e', ['jest', 'src/*.test.ts', '--x=[a]', '~/b', '{c,d}', '#e']],
    ['a\\\nb "c\\\nd"', ['ab', 'cd']],
    ['a \\\n  b', ['a', 'b']],
  ])('takes %j for the words a shell takes it for', (text, words) => {
    expect(split(text)).toEqual(words);
  });

  it.each([
    ['npm test && npm run lint', '&&'],
    ['a || b', '||'],
    ['a | b', '|'],
    ['a; b', ';'],
    ['a &', '&'],
    ['a > b', '>'],
    ['a >> b', '>>'],
    ['a < b', '<'],
    ['(a)', '('],
    ['a $HOME', '$'],
    ['a "in $HOME"', '$'],
    ['a "`b`"', '`'],
    ['a `b`', '`'],
  ])('refuses %j, which needs a shell, and says how to have one', (text, word) => {
    expect(() => split(text)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(`--verify has ${word}, which only a shell understands`) }),
    );
  });

  it('says what is open or missing', () => {
    expect(() => split(`a 'b`)).toThrow("--verify has a quote ' that is not closed.");
    expect(() => split('a "b')).toThrow('--verify has a quote " that is not closed.');
    expect(() => split('a \\')).toThrow('--verify ends with a backslash.');
    for (const nothing of ['', '  \n', `''`, '"" x']) expect(() => split(nothing)).toThrow('--verify names no command.');
  });

  it('gives back every word that was quoted for a shell', () => {
    const words = fc.array(fc.string({ unit: 'binary', maxLength: 8 }), { minLength: 1, maxLength: 5 }).filter(([first]) => first !== '');
    const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
    fc.assert(fc.property(words, (given) => expect(split(given.map(quoted).join(' '))).toEqual(given)));
  });

  it('agrees with sh on whatever it takes', () => {
    const characters = fc.constantFrom('a', 'b', ' ', '"', "'", '\\', '*', '=', '-');
    fc.assert(
      fc.property(fc.string({ unit: characters, minLength: 1, maxLength: 12 }), (tail) => {
        const text = `c${tail}`;
        let words: readonly string[];
        try {
          words = split(text);
        } catch {
          return;
        }
        expect(words).toEqual(shellWords(text));
      }),
      { numRuns: 150 },
    );
  });

  it('takes a text of any length in one go', () => {
    expect(split('a '.repeat(200_000))).toHaveLength(200_000);
    expect(() => split(`"${'\\a'.repeat(200_000)}`)).toThrow('not closed');
  });
});
