import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { ChaosHost } from '../chaos-host.mjs';
import { CODE, FILES, writeConfig, writeFixedPlugins, writeShaky } from '../reload-plugins.mjs';

export const what =
  'a host under load whose configuration and code change for better and worse, killed now and then; the last good ones run';

const CALLERS = 4;
/** A reload that is killed tells nothing of reloads, so most are not. */
const ROUNDS_PER_KILL = 12;
const GOOD = Object.freeze({ word: 'w0', cold: 0, code: 'good', file: 'whole' });

export async function run({ random, durationMs, tell }) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'bellows-chaos-'));
  const host = new ChaosHost(folder);
  const load = new Load(host);
  const did = { taken: 0, refused: 0, invalid: 0, kills: 0 };
  const pick = (values) => values[Math.floor(random() * values.length)];
  /** Mostly good: where everything is broken nothing comes far. */
  const mostly = (good, others) => (random() < 0.6 ? good : pick(others));
  try {
    await writeFixedPlugins(folder);
    let good = { ...GOOD, version: 0 };
    await write(folder, good);
    await host.start();
    load.begin();
    const end = performance.now() + durationMs;
    for (let round = 1; performance.now() < end; round += 1) {
      const next = {
        word: mostly(`w${round % 3}`, ['refuse', 'break', 'other']),
        cold: mostly(good.cold, [0, 1, 2]),
        code: mostly('good', Object.keys(CODE)),
        file: mostly('whole', Object.keys(FILES)),
        version: random() < 0.5 ? good.version : round,
      };
      if (round % ROUNDS_PER_KILL === 0) {
        good = { ...GOOD, cold: next.cold, version: round };
        await write(folder, good);
        await killed({ host, load, afterMs: random() * 200 });
        did.kills += 1;
        tell(`${JSON.stringify(did)}, ${load.kept.length} values kept`);
      } else {
        await write(folder, next);
        const expected = expectedOf(next, good);
        const ended = await reloaded(host, random);
        assert.equal(ended, expected, `${JSON.stringify(next)} after ${JSON.stringify(good)}\n${host.output}`);
        did[ended] += 1;
        if (ended === 'taken') good = next;
      }
      await inForce(host, good);
      load.check();
    }
    await write(folder, { ...good, code: 'good', version: good.version + 1 });
    assert.equal((await host.post('/v1/reload')).status, 200);
    await load.end();
    load.check();
    const keys = new Set((await host.call('keeper.keys')).json);
    assert.deepEqual(
      load.kept.filter((key) => !keys.has(key)),
      [],
      'what was acknowledged is there',
    );
    assert.deepEqual((await readdir(path.join(folder, '.bellows', 'staging'))).sort(), ['keeper', 'leaf', 'shaky']);
    for (const id of ['keeper', 'leaf', 'shaky']) {
      assert.equal((await readdir(path.join(folder, '.bellows', 'staging', id))).length, 1, `one copy of ${id}`);
    }
    assert.equal(await host.end('SIGTERM'), 0, `ends in order\n${host.output}`);
    return { ...did, kept: load.kept.length, turnedAway: load.turnedAway };
  } finally {
    await load.end();
    await host.end('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}

async function write(folder, next) {
  await writeShaky(folder, next);
  await writeConfig(folder, next);
}

function expectedOf({ word, code, file, cold }, good) {
  const all = [CODE[code].expected, FILES[file].expected];
  if (all.includes('invalid')) return 'invalid';
  // who is started again with a word is not asked whether it takes it
  const isAsked = word !== good.word && cold === good.cold;
  return all.includes('refused') || (isAsked && (word === 'refuse' || word === 'break')) ? 'refused' : 'taken';
}

const ENDS = { applied: 'taken', unchanged: 'taken', refused: 'refused', invalid: 'invalid' };
const CODES = { CONFIG_INVALID: 'invalid', RELOAD_REFUSED: 'refused' };

/** Asked for by a signal, by one, by three at once, or beside a restart that somebody asks for: the answer is the same. */
async function reloaded(host, random) {
  const way = random();
  if (way < 0.2) return signalled(host);
  if (way > 0.8) void host.post('/v1/plugins/shaky/restart').catch(() => {});
  const answers = await Promise.all(Array.from({ length: way < 0.5 ? 1 : 3 }, () => host.post('/v1/reload')));
  const [first, ...others] = answers.map(({ json }) => ENDS[json.outcome] ?? CODES[json.error?.code] ?? JSON.stringify(json));
  for (const other of others) assert.equal(other, first);
  return first;
}

async function signalled(host) {
  const last = async () => (await host.get('/v1/status')).json.lastReload;
  const before = await last();
  host.signal('SIGUSR2');
  return until('the end of the reload', async () => {
    const now = await last();
    return now !== undefined && now.at !== before?.at ? ENDS[now.outcome] : undefined;
  });
}

async function killed({ host, load, afterMs }) {
  const reload = host.post('/v1/reload').catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  await load.pauseFor(async () => {
    await host.end('SIGKILL');
    await reload;
    await host.start();
  });
}

/** What the host does is what it says, and what the last good configuration wants. */
async function inForce(host, { word, cold, version }) {
  assert.deepEqual(await steady(() => host.call('keeper.read')), { word, cold }, host.output);
  assert.equal(await steady(() => host.call('shaky.version')), version, host.output);
  const { configRevision } = (await host.get('/v1/status')).json;
  const { plugins } = (await host.get('/v1/plugins')).json;
  assert.deepEqual(
    plugins.map(({ id, state, configRevision: revision }) => ({ id, isUp: state === 'active' || state === 'degraded', revision })),
    ['keeper', 'shaky', 'leaf'].map((id) => ({ id, isUp: true, revision: configRevision })),
    host.output,
  );
}

/** Somebody may just have asked for a restart. */
function steady(call) {
  return until('an answer', async () => {
    const { status, json } = await call();
    assert.ok(status === 200 || status === 503, JSON.stringify(json));
    return status === 200 ? json : undefined;
  });
}

const PAUSE_MS = 10;
/** Longer than any time-out of the plugins here. */
const MOST_PAUSES = 1_000;

async function until(name, look) {
  for (let turn = 0; turn < MOST_PAUSES; turn += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  throw new Error(`${name} does not come`);
}

/** Callers that write all the time, and remember what they were promised. */
class Load {
  /** Keys whose writing was acknowledged. */
  kept = [];
  /** Calls that heard that they may come again. */
  turnedAway = 0;
  #host;
  #callers = [];
  #isOver = false;
  #pause = Promise.resolve();
  #isDown = false;
  #fault;
  #count = 0;

  constructor(host) {
    this.#host = host;
  }

  begin() {
    this.#callers = Array.from({ length: CALLERS }, () => this.#write());
  }

  /** Throws what a caller has heard that it must not. */
  check() {
    if (this.#fault !== undefined) throw this.#fault;
  }

  /** What callers hear meanwhile is no fault. */
  async pauseFor(work) {
    const { promise, resolve } = Promise.withResolvers();
    this.#pause = promise;
    this.#isDown = true;
    try {
      await work();
    } finally {
      this.#isDown = false;
      resolve();
    }
  }

  async end() {
    this.#isOver = true;
    await Promise.all(this.#callers);
  }

  async #write() {
    while (!this.#isOver && this.#fault === undefined) {
      await this.#pause;
      this.#count += 1;
      const key = `k${this.#count}`;
      const pause = this.#pause;
      try {
        const { status, json } = await this.#host.call('keeper.put', { key });
        if (status === 200) this.kept.push(key);
        else if (status === 503 && json.error.code === 'OPERATION_STOPPING') this.turnedAway += 1;
        else throw new Error(`a caller heard ${status} ${JSON.stringify(json)}`);
      } catch (error) {
        // a host that is killed answers nothing any more
        if (!this.#isDown && pause === this.#pause) this.#fault ??= error;
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}
