import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

const MAIN = path.join(import.meta.dirname, '../../host/dist/main.js');

/** A host of its own process, for a scenario that changes its files, kills it and starts it again on the same data. */
export class ChaosHost {
  #folder;
  #process;
  #output = '';
  #url = '';
  #token = '';

  /** `folder` holds bellows.yaml; the data are beside it. */
  constructor(folder) {
    this.#folder = folder;
  }

  /** Resolves when it is ready; throws with all it wrote when it ends before. */
  async start() {
    // it ends with this process, however that ends
    const args = [MAIN, 'start', '--config', path.join(this.#folder, 'bellows.yaml'), '--json', '--until-stdin-ends'];
    const child = spawn(process.execPath, args, { cwd: this.#folder, stdio: 'pipe' });
    this.#process = child;
    child.stderr.on('data', (text) => {
      this.#output = (this.#output + text).slice(-MAX_OUTPUT);
    });
    const line = await Promise.race([once(child.stdout, 'data').then(String), once(child, 'close').then(() => '')]);
    if (!line.startsWith('{')) throw new Error(`the host did not start: ${line}${this.#output}`);
    const { url, token } = JSON.parse(await readFile(path.join(this.#folder, '.bellows', 'host.json'), 'utf8'));
    this.#url = url;
    this.#token = token;
  }

  /** The end of what it wrote. */
  get output() {
    return this.#output;
  }

  get isRunning() {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  async get(target) {
    return this.#answer(target, {});
  }

  async post(target, body = {}) {
    return this.#answer(target, { method: 'POST', body: JSON.stringify(body) });
  }

  call(operation, input = {}) {
    return this.post(`/v1/operations/${operation}`, input);
  }

  signal(name) {
    this.#process.kill(name);
  }

  /** Answers the exit code, or the signal that ended it. */
  async end(signal) {
    if (this.isRunning) {
      const closed = once(this.#process, 'close');
      this.#process.kill(signal);
      await closed;
    }
    return this.#process.exitCode ?? this.#process.signalCode;
  }

  async #answer(target, init) {
    const headers = { authorization: `Bearer ${this.#token}`, ...(init.body === undefined ? {} : { 'content-type': 'application/json' }) };
    const response = await fetch(`${this.#url}${target}`, { ...init, headers });
    return { status: response.status, json: await response.json() };
  }
}

/** Of what goes wrong the last lines tell enough. */
const MAX_OUTPUT = 8_192;
