import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { systemProcesses } from '../../src/agent/process-identity.js';

/** A script beside this file in a process of its own, on the built plugin. */
export class Child {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<number | string>;
  #output = '';
  #errors = '';

  constructor(script: string, ...args: string[]) {
    this.#process = spawn(process.execPath, [fileURLToPath(new URL(script, import.meta.url)), ...args], { detached: true });
    this.#process.stdout.on('data', (chunk) => (this.#output += chunk));
    this.#process.stderr.on('data', (chunk) => (this.#errors += chunk));
    this.#ended = once(this.#process, 'close').then(([code, signal]) => signal ?? code);
  }

  /** Resolves when it has written `word`; rejects when it ends without. */
  async says(word: string): Promise<void> {
    while (!this.#output.includes(word)) {
      const next = once(this.#process.stdout, 'data');
      const ended = this.#ended.then((how) => Promise.reject(new Error(`ended with ${how}: ${this.#errors}`)));
      await Promise.race([next, ended]);
    }
  }

  tell(word: string): void {
    this.#process.stdin.write(`${word}\n`);
  }

  /** Exit code or signal. */
  async end(): Promise<number | string> {
    const how = await this.#ended;
    if (this.#errors !== '') throw new Error(`ended with ${how}: ${this.#errors}`);
    return how;
  }

  /** Whether something that it started lives on, which nobody waits for any more. */
  async hasHeirs(): Promise<boolean> {
    return livesInGroup(this.#process.pid!);
  }

  kill(): Promise<number | string> {
    this.#process.kill('SIGKILL');
    return this.#ended;
  }
}

const processes = systemProcesses();

/** Whether somebody in it has not ended, asked for or not. */
export async function livesInGroup(group: number): Promise<boolean> {
  return (await processes.list()).some(({ groupId, ended }) => groupId === group && !ended);
}
