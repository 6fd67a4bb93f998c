import { describe, expect, it } from '@jest/globals';
import { isPutIn, problemsWithoutSecrets, withoutSecrets } from '../src/hidden-values.js';

describe('what was put in from outside', () => {
  it('is hidden with all that stands around it and in it', () => {
    const origins = new Map([
      ['plugins.a.config.url', 'secret'],
      ['plugins.a.config.keys[1]', 'secret'],
      ['plugins.a.config.urls', 'file'],
    ]);
    const hidden = ['url', 'url.host', 'url[0]', 'keys', 'keys[1]', 'keys[1].name'];
    for (const name of hidden) expect([name, isPutIn(`plugins.a.config.${name}`, origins)]).toEqual([name, true]);
    for (const name of ['urls', 'keys[0]', 'keys[10]', 'ur'])
      expect([name, isPutIn(`plugins.a.config.${name}`, origins)]).toEqual([name, false]);
  });

  it('is taken out of messages, also quoted and where one is the beginning of another; short words stay', () => {
    const secrets = ['hunter2', 'hunter2-long', 'two\nlines "quoted"', 'info', ''];
    expect(withoutSecrets('bad hunter2-long, hunter2 at info', secrets)).toBe('bad (hidden), (hidden) at info');
    expect(withoutSecrets(`got ${JSON.stringify(secrets[2])}`, secrets)).toBe('got "(hidden)"');
    expect(problemsWithoutSecrets([{ path: 'a', message: 'no hunter2', suggestion: 'b' }], secrets)).toEqual([
      { path: 'a', message: 'no (hidden)', suggestion: 'b' },
    ]);
  });
});
