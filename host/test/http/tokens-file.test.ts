import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ILogger, silentLogger } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { digestOf } from '../../src/http/token-table.js';
import { TokensFile } from '../../src/http/tokens-file.js';
import { TokensState } from '../../src/http/tokens-state.js';
import { ask, startLoopbackHost, until } from './loopback-host.js';

const entry = (name: string, role = 'reader') => ({ name, role, sha256: digestOf(`${name}'s`).toString('hex') });

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bellows-tokens-'));
  file = path.join(folder, 'tokens.yaml');
});
afterEach(() => rm(folder, { recursive: true }));

const write = (...entries: readonly object[]) => writeFile(file, JSON.stringify(entries));

async function open(logger: ILogger = silentLogger) {
  const clock = new FakeClock();
  const state = new TokensState();
  const users = await TokensFile.open(file, { clock, logger, state });
  /** Real files take real time, after the look of the clock. */
  const look = async (found: () => boolean) => {
    await clock.advance(2_000);
    await until(found);
  };
  return { clock, users, look, state };
}

describe('TokensFile', () => {
  it('takes tokens over that come, go and change their role, and leaves no timer behind', async () => {
    await write(entry('ann'));
    const { clock, users, look } = await open();
    await write(entry('ann', 'admin'), entry('bob'));
    await look(() => users.find("bob's") !== undefined);
    expect(users.named('ann')).toMatchObject({ role: 'admin' });
    await write(entry('bob'));
    await look(() => users.find("ann's") === undefined);
    users[Symbol.dispose]();
    users[Symbol.dispose]();
    expect(clock.pending).toBe(0);
  });

  it('keeps what it has when the file is wrong or gone, says so once, and goes on when it is right', async () => {
    const errors: string[] = [];
    await write(entry('ann'));
    const { clock, users, look, state } = await open({ ...silentLogger, error: (message) => errors.push(message) });
    expect(state.refusal).toBeUndefined();
    await writeFile(file, '- { name: ann, role: emperor');
    await look(() => errors.length === 1);
    await clock.advance(10_000);
    expect(state.refusal).toEqual({ at: expect.any(Number), message: expect.stringContaining(`${file}:1:`) });
    await rm(file);
    await look(() => errors.length === 2);
    expect(state.refusal?.message).toMatch(/does not exist/);
    await clock.advance(10_000);
    expect(users.find("ann's")).toMatchObject({ name: 'ann' });
    await write(entry('bob'));
    await look(() => users.find("bob's") !== undefined);
    expect([users.find("ann's"), errors.length, state.refusal]).toEqual([undefined, 2, undefined]);
    expect(errors.join()).not.toContain("ann's");
    users[Symbol.dispose]();
  });

  it('ends what a browser may, when the token that let it in is taken back', async () => {
    await write(entry('ann'));
    const { users, look } = await open();
    const host = await startLoopbackHost({ users });
    const link = await ask(host, `/?token=${encodeURIComponent("ann's")}`);
    const headers = { cookie: link.headers['set-cookie']?.[0]?.split(';')[0] };
    expect((await ask(host, '/v1/status', { headers })).status).toBe(200);
    await write(entry('bob'));
    await look(() => users.find("ann's") === undefined);
    expect((await ask(host, '/v1/status', { headers })).status).toBe(401);
    users[Symbol.dispose]();
    await host.close();
  });
});
