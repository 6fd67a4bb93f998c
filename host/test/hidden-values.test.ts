import { describe, expect, it } from '@jest/globals';
import type { Origin } from '../src/config-file.js';
import { originOf, problemsWithoutSecrets, shownValue, withoutSecrets } from '../src/hidden-values.js';

describe('what was put in from outside', () => {
  it('is hidden with all that stands around it and in it', () => {
    const origins = new Map<string, Origin>([
      ['plugins.a.config.url', 'secret'],
      ['plugins.a.config.keys[1]', 'secret'],
      ['plugins.a.config.urls', 'file'],
    ]);
    const hidden = ['url', 'url.host', 'url[0]', 'keys', 'keys[1]', 'keys[1].name'];
    for (const name of hidden) expect([name, originOf(`plugins.a.config.${name}`, origins) === 'secret']).toEqual([name, true]);
    for (const name of ['urls', 'keys[0]', 'keys[10]', 'ur'])
      expect([name, originOf(`plugins.a.config.${name}`, origins) === 'secret']).toEqual([name, false]);
  });

  it('is told apart by where it stands, also in what a schema made of it', () => {
    const origins = new Map<string, Origin>([
      ['a.text', 'file'],
      ['a.list[0]', 'file'],
      ['a.mixed[0]', 'file'],
      ['a.mixed[1]', 'secret'],
    ]);
    const told = ['a.text', 'a.text[1].b', 'a.list', 'a.list[1]', 'a.mixed', 'a.tex', 'a.other'].map((path) => originOf(path, origins));
    expect(told).toEqual(['file', 'file', 'file', 'default', 'secret', 'default', 'default']);
  });

  it('is found in and around quoted keys, however many dots and quotes these hold', () => {
    const origins = new Map<string, Origin>();
    for (const key of ['.'.repeat(500_000), '"\\'.repeat(250_000), 'x.y"[0]']) origins.set(`a.${JSON.stringify(key)}.b[0]`, 'secret');
    const path = `a.${JSON.stringify('x.y"[0]')}`;
    const told = [`${path}.b[0]`, `${path}.b`, path, `${path}.b[0].c`, 'a', 'a."x', 'b'].map((one) => originOf(one, origins));
    expect(told).toEqual(['secret', 'secret', 'secret', 'secret', 'secret', 'default', 'default']);
  });

  it('is hidden where a schema put it elsewhere; what stands in the file is shown, and what JSON cannot hold named', () => {
    const hiding = { origins: new Map<string, Origin>([['a.own', 'file']]), secrets: ['production'] };
    const circle: unknown[] = [];
    circle.push(circle);
    const values = ['x production', { deep: ['production'] }, 'other', 7n, [7n], new URL('https://x'), circle, () => 1, null, undefined];
    expect(values.map((value) => shownValue('a.made', value, hiding))).toEqual([
      '(hidden)',
      '(hidden)',
      'other',
      '7',
      ['7'],
      'https://x/',
      '(no plain value)',
      '(no plain value)',
      null,
      undefined,
    ]);
    expect(shownValue('a.own', 'production', hiding)).toBe('production');
  });

  it('is taken out of messages, also quoted and where one is the beginning of another; short words stay', () => {
    const secrets = ['hunter2', 'hunter2-long', 'two\nlines "quoted"', 'info', ''];
    expect(withoutSecrets('bad hunter2-long, hunter2 at info', secrets)).toBe('bad (hidden), (hidden) at info');
    expect(withoutSecrets(`got ${JSON.stringify(secrets[2])}`, secrets)).toBe('got "(hidden)"');
    expect(problemsWithoutSecrets([{ path: 'a', message: 'no hunter2', suggestion: 'not hunter2' }], secrets)).toEqual([
      { path: 'a', message: 'no (hidden)', suggestion: 'not (hidden)' },
    ]);
  });
});
