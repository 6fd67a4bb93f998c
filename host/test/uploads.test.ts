import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FakeClock } from '@bellows/sdk/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FileUploads } from '../src/uploads.js';
import { ask, startLoopbackHost, until } from './http/loopback-host.js';

let dataDir: string;
let clock: FakeClock;
let uploads: FileUploads;
beforeEach(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'bellows-uploads-'));
  clock = new FakeClock(Date.now());
  uploads = new FileUploads({ dataDir, clock, maxBytes: 1_000 });
});
afterEach(() => rm(dataDir, { recursive: true }));

const kept = () => readdir(path.join(dataDir, 'files')).catch(() => []);

async function* chunksOf(...chunks: Uint8Array[]) {
  yield* chunks;
}

describe('FileUploads', () => {
  it('keeps bytes under their hash, the same bytes once, and gives them back', async () => {
    const bytes = randomBytes(900);
    const name = createHash('sha256').update(bytes).digest('hex');
    const saved = await Promise.all([uploads.save(chunksOf(bytes)), uploads.save(chunksOf(bytes.subarray(0, 500), bytes.subarray(500)))]);
    expect(saved).toEqual([
      { url: `/v1/files/${name}`, bytes: 900 },
      { url: `/v1/files/${name}`, bytes: 900 },
    ]);
    expect(await kept()).toEqual([name]);
    expect(Buffer.from(await uploads.read(`/v1/files/${name}`))).toEqual(bytes);
  });

  it('keeps an empty file', async () => {
    const { url, bytes } = await uploads.save(chunksOf());
    expect(bytes).toBe(0);
    expect(await uploads.read(url)).toHaveLength(0);
  });

  it('leaves nothing of an upload that is too large, breaks off or is aborted', async () => {
    await expect(uploads.save(chunksOf(randomBytes(600), randomBytes(600)))).rejects.toMatchObject({ code: 'BODY_TOO_LARGE', status: 413 });
    const breaking = (async function* () {
      yield randomBytes(10);
      throw new Error('broken');
    })();
    await expect(uploads.save(breaking)).rejects.toThrow('broken');
    const full = (async function* () {
      yield randomBytes(10);
      throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
    })();
    await expect(uploads.save(full)).rejects.toMatchObject({ code: 'DISK_FULL', status: 429, retryAfterMs: 60_000 });
    const reason = new Error('left');
    await expect(uploads.save(chunksOf(randomBytes(10)), AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(await kept()).toEqual([]);
  });

  it('reads nothing but what it keeps', async () => {
    await writeFile(path.join(dataDir, 'secret'), 'x');
    const name = 'a'.repeat(64);
    for (const url of [
      '',
      '/v1/files/',
      '/v1/files/../secret',
      `/v1/files/${name}`,
      `/v1/files/${name}/../../secret`,
      'secret',
      `file:///${name}`,
    ]) {
      await expect(uploads.read(url)).rejects.toMatchObject({ code: 'UPLOAD_UNKNOWN', kind: 'not_found' });
    }
  });

  it('sweeps what nobody read for a day and what interrupted uploads left, and nothing else', async () => {
    const [old, read] = [await uploads.save(chunksOf(randomBytes(10))), await uploads.save(chunksOf(randomBytes(10)))];
    const folder = path.join(dataDir, 'files');
    await writeFile(path.join(folder, 'half.part'), 'x');
    await writeFile(path.join(folder, 'README'), 'x');
    const yesterday = (clock.now() - 25 * 3_600_000) / 1000;
    for (const { url } of [old, read]) await utimes(path.join(folder, path.basename(url)), yesterday, yesterday);
    await uploads.read(read.url);
    expect(await uploads.sweep({ interrupted: true })).toBe(2);
    expect((await kept()).sort()).toEqual([path.basename(read.url), 'README'].sort());
    expect(await new FileUploads({ dataDir: path.join(dataDir, 'none'), clock }).sweep({ interrupted: true })).toBe(0);
  });
});

describe('POST /v1/files', () => {
  it('takes raw bytes of any type, and refuses too many', async () => {
    const host = await startLoopbackHost({ uploads });
    for (const type of ['application/wasm', 'application/json', 'text/plain', undefined]) {
      const saved = await ask(host, '/v1/files', { method: 'POST', headers: { 'content-type': type }, body: '{"not": "parsed"' });
      expect(saved).toMatchObject({ status: 200, json: { url: expect.stringMatching(/^\/v1\/files\/[0-9a-f]{64}$/), bytes: 16 } });
      expect(saved.headers.location).toBe(saved.json.url);
    }
    expect(await ask(host, '/v1/files', { method: 'POST', body: 'x'.repeat(1_001) })).toMatchObject({
      status: 413,
      json: { error: { code: 'BODY_TOO_LARGE' } },
    });
    await host.close();
  });

  it('answers an upload that turns out too large while it is still being sent', async () => {
    const host = await startLoopbackHost({ uploads });
    const body = 'x'.repeat(5_000_000);
    const refused = await ask(host, '/v1/files', { method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body });
    expect(refused).toMatchObject({ status: 413, json: { error: { code: 'BODY_TOO_LARGE' } } });
    await host.close();
  });

  it('leaves nothing of an upload whose sender goes away', async () => {
    const host = await startLoopbackHost({ uploads });
    const socket = connect(host.server.port, '127.0.0.1', () =>
      socket.write('POST /v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\nhalf'),
    );
    await until(() => socket.bytesWritten > 0);
    let parts: string[] = [];
    const look = async () => {
      parts = await kept();
    };
    while (parts.length === 0) await look();
    socket.destroy();
    while (parts.length > 0) await look();
    await host.close();
    expect(await kept()).toEqual([]);
  });
});
