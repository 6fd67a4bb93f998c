import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { BatchedSender } from './executor/batched-sender.js';
import type { AnswerMessage, CallMessage, CheckMessage, FromExecutor, StatsMessage, ToExecutor } from './executor/protocol.js';

/** Something for an executor to do; its id is given when it is sent. */
export type ExecutorWork = Omit<CallMessage, 'id'> | Omit<CheckMessage, 'id'>;

/** How work ended: with an answer, or because the process did. */
export type WorkAnswer = Pick<AnswerMessage, 'outcome' | 'durationMs'> | 'lost';

export interface ExecutorProcessEvents {
  ready(): void;
  stats(stats: StatsMessage): void;
  /** Once, before the unanswered work hears `lost`. */
  gone(): void;
}

/**
 * One executor process, from fork to end. It ends by itself when this process does, however that happens.
 */
export class ExecutorProcess {
  readonly #child: ChildProcess;
  readonly #sender: BatchedSender<ToExecutor>;
  readonly #work = new Map<number, (answer: WorkAnswer) => void>();
  /** Resolves when the process has ended and all its work was answered; says how it ended, for logs. */
  readonly gone: Promise<string>;
  #nextId = 1;
  #heard = 0;

  /** `flags` are those of Node.js. */
  constructor(entry: URL, flags: readonly string[], events: ExecutorProcessEvents) {
    this.#child = fork(fileURLToPath(entry), [], {
      serialization: 'advanced',
      // neither the flags nor the environment of the host: no debugger port, no secrets
      execArgv: [...flags],
      env: process.platform === 'win32' ? { SystemRoot: process.env.SystemRoot } : {},
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const child = this.#child;
    this.#sender = new BatchedSender((batch) => {
      if (child.connected) child.send(batch as ToExecutor[], () => {});
    });
    child.on('message', (batch) => {
      this.#heard += 1;
      for (const message of batch as readonly FromExecutor[]) this.#receive(message, events);
    });
    this.gone = new Promise((resolve) => {
      let told = false;
      const gone = (how: string) => {
        if (told) return;
        told = true;
        const unanswered = [...this.#work.values()];
        this.#work.clear();
        events.gone();
        for (const answer of unanswered) answer('lost');
        resolve(how);
      };
      child.on('exit', (code, signal) => gone(signal ?? `exit code ${code}`));
      // a process that could not be started has no exit
      child.on('error', (error) => {
        if (child.pid === undefined) gone(error.message);
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** How many messages came so far: while it has work they come all the time. */
  get heard(): number {
    return this.#heard;
  }

  /** `answer` is called exactly once. Returns how to cancel: the answer comes all the same. */
  send(work: ExecutorWork, answer: (answer: WorkAnswer) => void): () => void {
    const id = this.#nextId++;
    this.#work.set(id, answer);
    this.#sender.send({ ...work, id });
    return () => {
      if (this.#work.has(id)) this.#sender.send({ type: 'cancel', id });
    };
  }

  configure(threads: number, maxPooledModules: number): void {
    this.#sender.send({ type: 'configure', threads, maxPooledModules });
  }

  trim(): void {
    this.#sender.send({ type: 'trim' });
  }

  /** At once; resolves when the process has gone. Twice is fine. */
  kill(): Promise<string> {
    this.#child.kill('SIGKILL');
    return this.gone;
  }

  #receive(message: FromExecutor, events: ExecutorProcessEvents): void {
    if (message.type === 'ready') events.ready();
    else if (message.type === 'stats') events.stats(message);
    else {
      const answer = this.#work.get(message.id);
      this.#work.delete(message.id);
      answer?.(message);
    }
  }
}
