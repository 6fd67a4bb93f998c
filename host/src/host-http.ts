import type { IClock, IRandom } from '@bellows/sdk';
import type { HostConfig } from './config-schema.js';
import type { HostView } from './host-view.js';
import type { HttpServer } from './http/http-server.js';
import type { OperationRegistry } from './operations/operation-registry.js';
import type { HostControl } from './reload/reloader.js';

interface HttpParts {
  readonly view: HostView;
  readonly control: HostControl;
  readonly operations: OperationRegistry;
  readonly config: HostConfig['host'];
  readonly token: string;
  readonly clock: IClock;
  readonly random: IRandom;
}

/** Listens where the configuration says, with the users it names. `ConfigError` when it cannot. */
export async function openHttp({ view, control, operations, config, token, clock, random }: HttpParts): Promise<HttpServer> {
  const { address, port, tokensFile } = config;
  const { logger, tokens: state } = view;
  const users =
    tokensFile === null ? null : await (await import('./http/tokens-file.js')).TokensFile.open(tokensFile, { clock, logger, state });
  try {
    const { startHttpServer } = await import('./http/http-server.js');
    const server = await startHttpServer({ view, control, registry: operations, address, port, token, users, logger, clock, random });
    return {
      ...server,
      async close() {
        users?.[Symbol.dispose]();
        await server.close();
      },
    };
  } catch (error) {
    users?.[Symbol.dispose]();
    throw error;
  }
}
