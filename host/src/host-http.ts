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
  const users = tokensFile === null ? null : await (await import('./http/token-table.js')).loadTokenTable(tokensFile);
  const { startHttpServer } = await import('./http/http-server.js');
  return startHttpServer({ view, control, registry: operations, address, port, token, users, logger: view.logger, clock, random });
}
