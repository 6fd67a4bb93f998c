import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isLoopback } from '../../src/http/local-safety.js';
import { TokenTable } from '../../src/http/token-table.js';
import { ask, askRaw, callOperation, type LoopbackHost, startLoopbackHost, TOKEN, withToken } from './loopback-host.js';

let host: LoopbackHost;
beforeAll(async () => {
  host = await startLoopbackHost();
});
afterAll(() => host.close());

const refused = (status: number, code: string) => ({ status, json: { error: { code } } });

describe('a host on loopback', () => {
  it('answers only under its own names, whatever the port in them', async () => {
    const { port } = host.server;
    for (const name of ['localhost', `localhost:${port}`, `127.0.0.1:${port}`, '127.0.0.2', `[::1]:${port}`, 'LOCALHOST:1']) {
      expect(await ask(host, '/v1/status', { headers: { host: name } })).toMatchObject({ status: 200 });
    }
    for (const name of [
      'evil.example',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      'evil.example:7070',
      '[::2]',
      '10.0.0.1',
      '127.0.0.1@evil',
      'localhost:x',
    ]) {
      expect(await ask(host, '/v1/status', { headers: { host: name } })).toMatchObject(refused(403, 'HOST_NOT_ALLOWED'));
    }
    expect(await askRaw(host, 'GET /v1/status HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1.1 403 .*"HOST_NOT_ALLOWED"/s,
    );
  });

  it('refuses pages of other origins, also of another port, and tells no browser that it may read answers', async () => {
    const own = `localhost:${host.server.port}`;
    for (const origin of ['https://evil.example', 'http://localhost:1', `https://${own}`, 'null', `http://${own}.evil.example`]) {
      expect(await callOperation(host, 'demo.echo', {}, { host: own, origin })).toMatchObject(refused(403, 'ORIGIN_NOT_ALLOWED'));
    }
    const answer = await callOperation(host, 'demo.echo', {}, { host: own, origin: `http://${own}` });
    expect(answer.status).toBe(200);
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it('refuses what pages of other sites embed, and lets people follow their links', async () => {
    for (const site of ['cross-site', 'same-site']) {
      const headers = { 'sec-fetch-site': site, 'sec-fetch-mode': 'no-cors' };
      expect(await ask(host, '/v1/events', { headers })).toMatchObject(refused(403, 'ORIGIN_NOT_ALLOWED'));
    }
    const followed = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    expect((await ask(host, '/', { headers: followed })).status).toBe(200);
    expect((await ask(host, '/', { headers: { ...followed, 'sec-fetch-dest': 'document' } })).status).toBe(200);
    for (const dest of ['iframe', 'embed', 'object']) {
      expect(await ask(host, '/v1/events', { headers: { ...followed, 'sec-fetch-dest': dest } })).toMatchObject(
        refused(403, 'ORIGIN_NOT_ALLOWED'),
      );
    }
    expect(await ask(host, '/v1/files', { method: 'POST', headers: followed })).toMatchObject(refused(403, 'ORIGIN_NOT_ALLOWED'));
    expect((await ask(host, '/v1/status', { headers: { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' } })).status).toBe(200);
  });

  it('runs commands only for who shows the token', async () => {
    expect(await callOperation(host, 'demo.commands')).toMatchObject({
      ...refused(401, 'TOKEN_NEEDED'),
      headers: { 'www-authenticate': 'Bearer' },
    });
    for (const authorization of ['Bearer wrong', `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, 'Bearer', `bearer${TOKEN}`]) {
      expect(await callOperation(host, 'demo.commands', {}, { authorization })).toMatchObject(refused(401, 'TOKEN_UNKNOWN'));
    }
    expect(await callOperation(host, 'demo.commands', {}, withToken)).toMatchObject({ status: 200, json: 'ran' });
  });

  it('refuses a wrong token also where none is needed', async () => {
    expect(await ask(host, '/v1/status', { headers: { authorization: 'Bearer wrong' } })).toMatchObject(refused(401, 'TOKEN_UNKNOWN'));
  });

  it('checks the rights before it reads a body', async () => {
    expect(await callOperation(host, 'demo.commands', 'no json at all')).toMatchObject(refused(401, 'TOKEN_NEEDED'));
  });

  it('turns the token in the page link into a cookie that is no token, strict, and not for scripts', async () => {
    const opened = await ask(host, `/?token=${TOKEN}`);
    expect(opened).toMatchObject({ status: 303, headers: { location: '/', 'referrer-policy': 'no-referrer' } });
    const [cookie = ''] = opened.headers['set-cookie'] ?? [];
    expect(cookie).toMatch(/^bellows_\d+=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/$/);
    expect(cookie).not.toContain(TOKEN);
    const own = `localhost:${host.server.port}`;
    const [pair = ''] = cookie.split(';');
    const headers = { host: own, cookie: pair };
    expect(await callOperation(host, 'demo.commands', {}, { ...headers, origin: `http://${own}` })).toMatchObject({ status: 200 });
    expect(await callOperation(host, 'demo.commands', {}, headers)).toMatchObject(refused(401, 'TOKEN_NEEDED'));
    expect(await callOperation(host, 'demo.commands', {}, { ...headers, origin: 'http://evil.example' })).toMatchObject(
      refused(403, 'ORIGIN_NOT_ALLOWED'),
    );
    expect(await callOperation(host, 'demo.commands', {}, { cookie: `${pair}x`, host: own, origin: `http://${own}` })).toMatchObject({
      status: 401,
    });
    expect(await ask(host, '/?token=wrong')).toMatchObject(refused(401, 'TOKEN_UNKNOWN'));
  });
});

describe('a host with users', () => {
  const entry = (role: 'reader' | 'operator' | 'admin') => ({
    name: `the ${role}`,
    role,
    sha256: createHash('sha256').update(`${role}-token`).digest('hex'),
  });
  const users = new TokenTable([entry('reader'), entry('operator')]);
  const as = (role: string) => ({ authorization: `Bearer ${role}-token` });
  let guarded: LoopbackHost;
  beforeAll(async () => {
    guarded = await startLoopbackHost({ address: '0.0.0.0', users });
  });
  afterAll(() => guarded.close());

  it('asks everybody for a token, for everything but /health', async () => {
    expect((await ask(guarded, '/health')).status).toBe(200);
    for (const path of [
      '/',
      '/ready',
      '/metrics',
      '/openapi.json',
      '/v1/status',
      '/v1/plugins',
      '/v1/operations',
      '/v1/decisions',
      '/v1/events',
      '/nothing',
    ]) {
      expect(await ask(guarded, path)).toMatchObject(refused(401, 'TOKEN_NEEDED'));
    }
    expect(await callOperation(guarded, 'demo.echo')).toMatchObject(refused(401, 'TOKEN_NEEDED'));
    expect(await ask(guarded, '/v1/files', { method: 'POST', body: 'x' })).toMatchObject(refused(401, 'TOKEN_NEEDED'));
  });

  it('lets each role do what it may and no more', async () => {
    expect((await ask(guarded, '/v1/status', { headers: as('reader') })).status).toBe(200);
    expect((await callOperation(guarded, 'demo.echo', {}, as('reader'))).status).toBe(200);
    expect(await callOperation(guarded, 'demo.add', { first: 1, second: 2 }, as('reader'))).toMatchObject(refused(403, 'ROLE_TOO_LOW'));
    expect(await ask(guarded, '/v1/files', { method: 'POST', body: 'x', headers: as('reader') })).toMatchObject(
      refused(403, 'ROLE_TOO_LOW'),
    );
    expect((await callOperation(guarded, 'demo.commands', {}, as('operator'))).status).toBe(200);
    expect((await callOperation(guarded, 'demo.commands', {}, withToken)).status).toBe(200);
    expect(await ask(guarded, '/v1/status', { headers: as('admin') })).toMatchObject(refused(401, 'TOKEN_UNKNOWN'));
  });

  it('counts calls under the name of the token unless another user is named', async () => {
    expect((await callOperation(guarded, 'demo.call', {}, as('operator'))).json).toMatchObject({ user: 'the operator' });
    expect((await callOperation(guarded, 'demo.call', {}, { ...as('operator'), 'bellows-user': 'ann' })).json).toMatchObject({
      user: 'ann',
    });
  });

  it('answers under any name when it listens on every address', async () => {
    expect((await ask(guarded, '/v1/status', { headers: { ...as('reader'), host: 'bellows.example:80' } })).status).toBe(200);
  });
});

describe('isLoopback', () => {
  it('knows the addresses that only this machine reaches', () => {
    for (const address of ['localhost', '127.0.0.1', '127.9.9.9', '::1', '[::1]', '::ffff:127.0.0.1'])
      expect(isLoopback(address)).toBe(true);
    for (const address of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example', '128.0.0.1', 'example', ''])
      expect(isLoopback(address)).toBe(false);
  });
});
