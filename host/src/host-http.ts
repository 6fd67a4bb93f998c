import { isIP } from 'node:net';
import { ConfigError } from '@bellows/sdk';
import type { HostConfig } from './config-schema.js';
import type { HostView } from './host-view.js';
import type { OperationRegistry } from './operations/operation-registry.js';

export interface HostHttp {
  readonly url: string;
  close(): Promise<void>;
}

interface HttpOptions {
  readonly view: HostView;
  readonly operations: OperationRegistry;
  readonly config: HostConfig['host'];
  readonly token: string;
}

/**
 * Listens where the configuration says. `ConfigError`: `TOKENS_NEEDED` for an address others can reach without a tokens
 * file, `PORT_IN_USE`, `ADDRESS_UNUSABLE`.
 */
export async function openHttp({ view, operations, config, token }: HttpOptions): Promise<HostHttp> {
  const { address, port, tokensFile } = config;
  if (tokensFile === null && !isLoopback(address)) {
    throw new ConfigError(
      'TOKENS_NEEDED',
      `host.address ${address} can be reached from other machines: name a host.tokensFile (see \`bellows token new --help\`), or listen on 127.0.0.1`,
      { phase: 'start' },
    );
  }
  const { startHttpServer } = await import('./http/http-server.js');
  const users = tokensFile === null ? null : await (await import('./http/token-table.js')).readTokenTable(tokensFile);
  try {
    return await startHttpServer({ view, registry: operations, address, port, token, users, logger: view.logger });
  } catch (error) {
    throw listenError(error, { address, port });
  }
}

function isLoopback(address: string): boolean {
  if (address === 'localhost' || address === '::1') return true;
  return isIP(address) === 4 && address.startsWith('127.');
}

function listenError(error: unknown, { address, port }: { readonly address: string; readonly port: number }): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return new ConfigError(
        'PORT_IN_USE',
        `port ${port} of ${address} is in use: stop what uses it, or choose another with --port (0 takes a free one)`,
        { phase: 'start', cause: error },
      );
    case 'EACCES':
      return new ConfigError('ADDRESS_UNUSABLE', `this user may not listen on port ${port}: choose one above 1023 with --port`, {
        phase: 'start',
        cause: error,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new ConfigError('ADDRESS_UNUSABLE', `this machine has no address ${address}: change host.address`, {
        phase: 'start',
        cause: error,
      });
    default:
      return error;
  }
}
