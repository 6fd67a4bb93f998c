import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodingFor, PageFiles } from '../../src/http/page-files.js';
import { TokenTable } from '../../src/http/token-table.js';
import { ask, type LoopbackHost, startLoopbackHost } from './loopback-host.js';

/** What scripts and styles of the page may weigh, as they are sent to most browsers. */
const MAX_GZIP_BYTES = 60_000;

const ASSETS = path.resolve(import.meta.dirname, '../../dist/dashboard/assets');
const read = (name: string) => readFileSync(path.join(ASSETS, name));

let host: LoopbackHost;
let names: readonly string[];
beforeAll(async () => {
  host = await startLoopbackHost();
  names = [...(await ask(host, '/')).text.matchAll(/"\/assets\/([^"]+)"/g)].map(([, name = '']) => name);
});
afterAll(() => host.close());

describe('the page', () => {
  it('is the same for everybody, kept by nobody, framed by nobody, and runs files of the host alone', async () => {
    const page = await ask(host, '/');
    expect(page).toMatchObject({
      status: 200,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        'x-frame-options': 'DENY',
        'x-content-type-options': 'nosniff',
      },
    });
    const policy = String(page.headers['content-security-policy']).split('; ');
    expect(policy).toEqual(expect.arrayContaining(["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"]));
    expect(policy).toEqual(expect.arrayContaining(["frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"]));
    expect(policy.join()).not.toMatch(/unsafe|data:|\*/);
    expect(page.text).not.toMatch(/<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|https?:/);
    expect(page.text).not.toContain('demo.pool');
    expect(page.text).toMatch(/<noscript>.*bellows status/s);
  });

  it('tells a person without a token the way in, with 401, and a program what is wrong', async () => {
    const entry = { name: 'eve', role: 'reader', sha256: createHash('sha256').update('t').digest('hex') } as const;
    const guarded = await startLoopbackHost({ users: new TokenTable([entry]) });
    const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
    for (const target of ['/', '/?token=wrong']) {
      expect(await ask(guarded, target, { headers: browser })).toMatchObject({
        status: 401,
        headers: { 'content-type': 'text/html; charset=utf-8', 'www-authenticate': 'Bearer' },
      });
      expect(await ask(guarded, target)).toMatchObject({ status: 401, json: { error: { code: expect.stringMatching(/^TOKEN_/) } } });
    }
    expect((await ask(guarded, `/assets/${names[0]}`)).status).toBe(200);
    expect(await ask(guarded, '/?token=t', { headers: browser })).toMatchObject({ status: 303, headers: { location: '/' } });
    expect((await ask(guarded, '/?tokn=t', { headers: browser })).status).toBe(400);
    await guarded.close();
  });
});

describe('the files of the page', () => {
  it('are three: script, style and icon, kept for ever because their names change with them', async () => {
    expect(names.map((name) => path.extname(name)).sort()).toEqual(['.css', '.js', '.svg']);
    for (const name of names) {
      const answer = await ask(host, `/assets/${name}`);
      expect(answer).toMatchObject({
        status: 200,
        headers: { 'cache-control': 'public, max-age=31536000, immutable', vary: 'accept-encoding' },
      });
      expect(answer.headers['content-encoding']).toBeUndefined();
      expect(answer.text).toBe(read(name).toString());
    }
  });

  it('come compressed to who can read it, and unpack to what they are', () => {
    const files = new PageFiles();
    const asset = files.asset(names.find((name) => name.endsWith('.js')) ?? '');
    expect(asset).toBeDefined();
    if (asset === undefined) return;
    const choose = (header?: string) => encodingFor(asset, header).encoding;
    expect([choose('gzip, deflate, br, zstd'), choose('gzip'), choose('GZIP;q=0.5')]).toEqual(['br', 'gzip', 'gzip']);
    expect([choose(), choose(''), choose('br;q=0'), choose('br;q=0, gzip;q=0.0'), choose('zstd'), choose(';;,,=')]).toEqual(
      Array(6).fill(undefined),
    );
    expect(brotliDecompressSync(encodingFor(asset, 'br').body)).toEqual(asset.plain);
    expect(gunzipSync(encodingFor(asset, 'gzip').body)).toEqual(asset.plain);
    expect(encodingFor(asset, 'br').body.length).toBeLessThan(asset.plain.length / 2);
  });

  it('are found by their whole name only, whatever the address tries', async () => {
    for (const name of [
      'none.js',
      '..%2findex.html',
      '%2e%2e%2f%2e%2e%2fpackage.json',
      `${names[0]}.gz`,
      `${names[0]}%00`,
      '__proto__',
      '',
    ]) {
      expect([name, (await ask(host, `/assets/${name}`)).status]).toEqual([name, 404]);
    }
    expect((await ask(host, `/assets/${'x'.repeat(600)}`)).status).toBe(414);
    expect((await ask(host, `/assets/${names[0]}?x=1`)).status).toBe(400);
    expect((await ask(host, `/assets/${names[0]}`, { method: 'POST' })).status).toBe(405);
  });

  it(`weigh no more than ${MAX_GZIP_BYTES} bytes as gzip`, () => {
    const weight = names.map((name) => gzipSync(read(name), { level: 9 }).length).reduce((sum, bytes) => sum + bytes, 0);
    expect(weight).toBeLessThanOrEqual(MAX_GZIP_BYTES);
  });
});
