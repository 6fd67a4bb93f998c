import type { BellowsError } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkIssues } from '../../src/jobs/check-issues.js';
import type { Issue } from '../../src/jobs/job-records.js';
import { readMarkdownIssues } from '../../src/jobs/markdown-issues.js';

const read = (text: string) => readMarkdownIssues(text, { source: 'issues.md' });

function faultsOf(work: () => unknown): readonly string[] {
  try {
    work();
  } catch (error) {
    const { code, details = [] } = error as BellowsError;
    expect(code).toBe('ISSUES_INVALID');
    return details.map((detail) => `${detail.path}: ${detail.message}`);
  }
  throw new Error('no fault was found');
}

const issue = (id: string, ...dependsOn: string[]): Issue => ({ id, title: `Do ${id}`, body: '', dependsOn, priority: 0 });

describe('a Markdown list of issues', () => {
  it('gives id, title, dependencies and priority of each open task', () => {
    const text =
      '# Plan\n\n- [ ] Parse it {#parse}\n* [ ] Print it {#print after:#parse priority:5}\n+ [ ] Ship {after:parse after:#print priority:-1}\n';
    expect(read(text)).toEqual([
      { id: 'parse', title: 'Parse it', body: '', dependsOn: [], priority: 0 },
      { id: 'print', title: 'Print it', body: '', dependsOn: ['parse'], priority: 5 },
      { id: 'ship', title: 'Ship', body: '', dependsOn: ['parse', 'print'], priority: -1 },
    ]);
  });

  it('makes ids of titles, each its own and none that was given', () => {
    const text = '- [ ] Füge es hinzu!\n- [ ] fuge es hinzu\n- [ ] x {#fuge-es-hinzu-2}\n- [ ] 日本\n- [ ] Füge es hinzu\n';
    expect(read(text).map(({ id }) => id)).toEqual(['fuge-es-hinzu', 'fuge-es-hinzu-3', 'fuge-es-hinzu-2', 'issue', 'fuge-es-hinzu-4']);
  });

  it('keeps braces that are no attributes in the title', () => {
    expect(read('- [ ] Support {a, b}').map(({ title }) => title)).toEqual(['Support {a, b}']);
  });

  it('takes what is indented below as the body, with its own indentation and tasks', () => {
    const text =
      '- [ ] One\n\n  Text\n    - [ ] part\n\n  ```make\n  all:\n  \techo\n  ```\n\n- [ ] Two\n\n\tby tab\n\nNot part of it\n  nor this\n';
    expect(read(text).map(({ body }) => body)).toEqual(['Text\n  - [ ] part\n\n```make\nall:\n\techo\n```', 'by tab']);
  });

  it('does not take tasks in fenced code for issues', () => {
    expect(read('```\n- [ ] code\n```\n~~~~\n~~~\n- [ ] code\n~~~~\n- [ ] real\n').map(({ id }) => id)).toEqual(['real']);
  });

  it('ends a fence with the task it is in', () => {
    expect(read('- [ ] One\n  ```\n  open\n- [ ] Two\n').map(({ id }) => id)).toEqual(['one', 'two']);
  });

  it('finds tasks below other lists, and with any line ends', () => {
    expect(read('\uFEFF- Group\r\n  - [ ] One\r\n    body\r\n  - [ ] Two\r\n').map(({ id, body }) => [id, body])).toEqual([
      ['one', 'body'],
      ['two', ''],
    ]);
  });

  it('leaves out what is done, and lets nothing wait for it', () => {
    expect(read('- [x] One {#one}\n  body\n- [X] Zero\n- [ ] Two {after:#one after:#zero}\n')).toEqual([
      { id: 'two', title: 'Two', body: '', dependsOn: [], priority: 0 },
    ]);
  });

  it('names every fault with its line', () => {
    const text = '- [ ] A {#a after:#nowhere}\n- [ ] B {#a}\n- [ ]\n- [ ] C {#c prio:3}\n- [ ] D {#ü}\n- [x] E {#c}\n';
    expect(faultsOf(() => read(text))).toEqual([
      'issues.md:4: "prio:3" means nothing here',
      'issues.md:6: the id "c" is taken by issues.md:4',
      'issues.md:2: the id "a" is taken by issues.md:1',
      'issues.md:3: the issue has no title',
      'issues.md:5: "ü" is no id: use letters, digits, ".", "_" and "-", at most 100, the first a letter, digit or "_"',
      'issues.md:1: it comes after "nowhere", and there is no issue of this id',
    ]);
  });

  it('shows every cycle, and not what only waits for one', () => {
    const text = '- [ ] A {#a after:#b}\n- [ ] B {#b after:#c}\n- [ ] C {#c after:#b}\n- [ ] D {#d after:#d}\n- [ ] E {#e}\n';
    expect(faultsOf(() => read(text))).toEqual([
      'issues.md:2: these wait for each other: b → c → b',
      'issues.md:4: these wait for each other: d → d',
    ]);
  });

  it('refuses a text without open tasks, and one whose code block hides the rest', () => {
    expect(faultsOf(() => read('- [x] all done\n'))).toEqual(['issues.md: there is no open issue']);
    expect(faultsOf(() => read('- [ ] a\n\n```\n- [ ] b\n'))).toEqual([
      'issues.md:3: the code block that begins here never ends, so nothing after it is read',
    ]);
  });

  it('refuses too many and too large ones', () => {
    expect(faultsOf(() => read('- [ ] a\n'.repeat(10_001)))[0]).toContain('10001 issues');
    expect(faultsOf(() => read(`- [ ] a\n  ${'x'.repeat(4 * 1024 * 1024)}`))[0]).toContain('bytes long');
    expect(read('- [ ] a\n'.repeat(10_000))).toHaveLength(10_000);
  });

  it('tells at most a hundred faults and how many more there are', () => {
    const faults = faultsOf(() => read('- [ ] a {#a}\n'.repeat(500)));
    expect([faults.length, faults.at(-1)]).toEqual([101, 'issues.md: and 399 more']);
  });

  it('reads any text the same way twice, or refuses it with a code', () => {
    const piece = fc.constantFrom(
      '- [ ] ',
      '* [x] ',
      '\n',
      '  ',
      '\t',
      '```',
      '~~~',
      '{#a}',
      '{after:#b',
      ' priority:9}',
      'word',
      '\r',
      '\0',
      '}',
      '🙂',
    );
    const outcome = (text: string) => {
      try {
        return read(text);
      } catch (error) {
        return (error as BellowsError).code;
      }
    };
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join('')),
        ),
        (text) => {
          const first = outcome(text);
          expect(outcome(text)).toEqual(first);
          if (typeof first === 'string') return expect(first).toBe('ISSUES_INVALID');
          checkIssues(first);
        },
      ),
    );
  });

  it('gives back every issue that was written down', () => {
    const id = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,10}$/);
    const issues = fc
      .uniqueArray(
        fc.tuple(
          id,
          fc.stringMatching(/^[a-z]{1,8}( [a-z]{1,8})?$/),
          fc.constantFrom('', 'one', 'one\n\n\ttwo\n- [ ] three'),
          fc.integer({ min: -9, max: 9 }),
        ),
        {
          selector: ([one]) => one,
          minLength: 1,
        },
      )
      .map((rows): Issue[] =>
        rows.map(([id, title, body, priority], index) => ({
          id,
          title,
          body,
          priority,
          dependsOn: rows.slice(Math.max(0, index - 2), index).map(([one]) => one),
        })),
      );
    fc.assert(fc.property(issues, (all) => expect(read(all.map(written).join(''))).toEqual(all)));
  });
});

describe('issues given as JSON', () => {
  it('are checked by the same rules', () => {
    checkIssues([issue('a'), issue('b', 'a')]);
    expect(
      faultsOf(() =>
        checkIssues([issue('a', 'b'), issue('b', 'a'), issue('-x', 'y'), { ...issue('c'), title: ' ', priority: Number.NaN }]),
      ),
    ).toEqual([
      'issues[2]: "-x" is no id: use letters, digits, ".", "_" and "-", at most 100, the first a letter, digit or "_"',
      'issues[3]: the issue has no title',
      'issues[3]: the priority is no number',
      'issues[2]: it comes after "y", and there is no issue of this id',
      'issues[0]: these wait for each other: a → b → a',
    ]);
    expect(faultsOf(() => checkIssues([]))).toEqual(['issues: there is no open issue']);
  });

  it('may wait for each other in a chain of any length', () => {
    const chain = Array.from({ length: 10_000 }, (_, index) => (index === 0 ? issue('i0') : issue(`i${index}`, `i${index - 1}`)));
    checkIssues(chain);
    const circle = [issue('i0', 'i9999'), ...chain.slice(1)];
    expect(faultsOf(() => checkIssues(circle))[0]).toContain('… 9980 more …');
  });

  it('are acceptable exactly when they can be worked on one after the other', () => {
    const edges = fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 14 });
    fc.assert(
      fc.property(edges, (pairs) => {
        const issues = Array.from({ length: 8 }, (_, at) =>
          issue(`i${at}`, ...pairs.filter(([from]) => from === at).map(([, to]) => `i${to}`)),
        );
        const landed = new Set<string>();
        for (let round = 0; round < 8; round++) {
          for (const one of issues) if (one.dependsOn.every((id) => landed.has(id))) landed.add(one.id);
        }
        if (landed.size === 8) checkIssues(issues);
        else expect(faultsOf(() => checkIssues(issues)).every((fault) => fault.includes('wait for each other'))).toBe(true);
      }),
    );
  });
});

function written({ id, title, body, dependsOn, priority }: Issue): string {
  const words = [`#${id}`, ...dependsOn.map((one) => `after:#${one}`), `priority:${priority}`];
  const lines = body.split('\n').map((line) => (line === '' ? '' : `  ${line}`));
  return `- [ ] ${title} {${words.join(' ')}}\n${lines.join('\n')}\n`;
}

describe('a hostile list', () => {
  it('with a huge indentation or a million blank lines is read without trying every place of it', () => {
    const [indented] = read(`- [ ] a\n${' '.repeat(1_000_000)}x\n${' '.repeat(1_000_001)}y\n`);
    expect(indented?.body).toBe('x\n y');
    const [tabs] = read(`- [ ] a\n${'\t'.repeat(300_000)}x\n`);
    expect(tabs?.body).toBe('x');
    const [blank] = read(`- [ ] a\n  x${'\n'.repeat(1_000_000)}  y\n`);
    expect(blank?.body).toHaveLength(1_000_002);
  });

  it('loses no issue whose title has separators of lines that are none in Markdown', () => {
    expect(read('- [ ] one\u2028two\n- [ ] three\u2029 {#c}\n').map(({ title }) => title)).toEqual(['one\u2028two', 'three']);
  });
});
