import { InputError, RefusedError, z } from '@bellows/sdk';
import { type LoopbackHost, startLoopbackHost, TOKEN } from '../http/loopback-host.js';
import type { Terminal } from './terminal.js';

/** What an operation of a test answers, from its input; what it throws is answered as the host does. */
export type Answers = Record<string, (input: Readonly<Record<string, unknown>>) => unknown>;

/** The real server with operations of one plugin that a test answers as it likes, and what reached them. */
export class PluginOperations implements AsyncDisposable {
  readonly seen: { readonly name: string; readonly input: Readonly<Record<string, unknown>> }[] = [];
  readonly terminal: Terminal;
  readonly #host: LoopbackHost;

  private constructor(host: LoopbackHost, terminal: Terminal) {
    this.#host = host;
    this.terminal = terminal;
  }

  /** `answers` is looked into at every call; `runsCommands` are the verbs that need a token. */
  static async start(
    plugin: string,
    { answers, cwd, runsCommands = [] }: { readonly answers: Answers; readonly cwd: string; readonly runsCommands?: readonly string[] },
  ): Promise<PluginOperations> {
    const host = await startLoopbackHost();
    const started = new PluginOperations(host, { host: { url: host.server.url, token: TOKEN }, cwd });
    const operations = host.registry.forPlugin(plugin, new AbortController().signal);
    for (const verb of Object.keys(answers)) {
      const name = `${plugin}.${verb}`;
      operations.provide({
        name,
        summary: '',
        input: z.record(z.string(), z.unknown()),
        output: z.unknown(),
        runsCommands: runsCommands.includes(verb),
        handler: async (input) => {
          started.seen.push({ name, input });
          return answers[verb]?.(input);
        },
      });
    }
    return started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#host.close();
  }
}

export const invalid = (code: string, message: string, details: { path: string; message: string; suggestion?: string }[] = []) =>
  new InputError(code, message, { details });
export const refused = (code: string, message: string) => new RefusedError(code, message);
