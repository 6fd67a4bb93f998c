import { timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { ForbiddenError, InputError, ROLES, type Role, UnauthenticatedError } from '@bellows/sdk';
import type { FastifyRequest } from 'fastify';
import type { Caller } from './http-context.js';
import type { PageSessions } from './page-sessions.js';
import { digestOf, type TokenEntry, type TokenUsers } from './token-table.js';

export interface LocalSafetyOptions {
  /** What the host listens on, as configured. */
  readonly address: string;
  /** The host's own token, written to `host.json`. Admin. */
  readonly token: string;
  /** Null: whoever reaches the host may do all but run commands. */
  readonly users: TokenUsers | null;
  readonly sessions: PageSessions;
}

const LOCAL: Caller = Object.freeze({ name: 'local', role: 'admin', proven: false });
const OWNER: Caller = Object.freeze({ name: 'owner', role: 'admin', proven: true });

/**
 * Keeps web pages and other users of the machine from using a host that listens on loopback. In this order: the Host header
 * (a name an attacker points at 127.0.0.1), the Origin (a page of another site), then who asks and what they may.
 */
export class LocalSafety {
  readonly #address: string;
  readonly #ownDigest: Buffer;
  readonly #users: TokenUsers | null;
  readonly #sessions: PageSessions;

  constructor({ address, token, users, sessions }: LocalSafetyOptions) {
    this.#address = bareHost(address.toLowerCase());
    this.#ownDigest = digestOf(token);
    this.#users = users;
    this.#sessions = sessions;
  }

  /** `ForbiddenError` for a Host or Origin that is not ours. */
  checkSource(request: FastifyRequest): void {
    const { host, origin } = request.headers;
    if (host === undefined) throw new InputError('HEADER_INVALID', 'The request has no Host header.', { phase: 'receive' });
    if (hasTwoHosts(request)) throw new InputError('HEADER_INVALID', 'The request has more than one Host header.', { phase: 'receive' });
    if (!this.#isOurs(hostnameOf(host))) {
      throw new ForbiddenError(
        'HOST_NOT_ALLOWED',
        'The Host header names something this host does not listen as: use localhost, 127.0.0.1, [::1] or the configured address.',
        { phase: 'receive' },
      );
    }
    // Browsers send no Origin with images, scripts, frames and the like, but say that another site asks.
    const { 'sec-fetch-site': site } = request.headers;
    const foreign = (site === 'cross-site' || site === 'same-site') && !followsLink(request);
    if (foreign || (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`)) {
      throw new ForbiddenError('ORIGIN_NOT_ALLOWED', 'A page of another origin may not use this host.', { phase: 'receive' });
    }
  }

  /** Who asks. `UnauthenticatedError` for a token or link nobody knows; a cookie nobody knows is as none. */
  identify(request: FastifyRequest): Caller {
    const { authorization } = request.headers;
    if (authorization !== undefined) {
      const [, token] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
      return this.callerOf(token ?? '');
    }
    const fromPage = this.#stillKnown(this.#sessions.find(request.headers.cookie));
    // A browser names the origin with everything that changes something; a cookie without one comes from no page of ours.
    const sameOrigin = request.method === 'GET' || request.headers.origin !== undefined;
    return fromPage && sameOrigin ? fromPage : LOCAL;
  }

  /** `UnauthenticatedError` (`TOKEN_UNKNOWN`) when nobody has this token. */
  callerOf(token: string): Caller {
    if (timingSafeEqual(digestOf(token), this.#ownDigest)) return OWNER;
    const user = this.#users?.find(token);
    if (user) return callerOfEntry(user);
    throw new UnauthenticatedError(
      'TOKEN_UNKNOWN',
      'The token is not one of this host: read it again from host.json or ask for a new one.',
      {
        phase: 'receive',
      },
    );
  }

  /** Whether `caller` may do something that needs `role`, and, with `proof`, needs a token even where there are no users. */
  demand(caller: Caller, role: Role, proof = false): void {
    if (!caller.proven && (proof || this.#users !== null)) {
      throw new UnauthenticatedError(
        'TOKEN_NEEDED',
        'This needs a token: send "Authorization: Bearer" with yours, or on the machine of the host with the one from its host.json.',
        {
          phase: 'receive',
        },
      );
    }
    if (this.#users === null || ROLES.indexOf(caller.role) >= ROLES.indexOf(role)) return;
    throw new ForbiddenError('ROLE_TOO_LOW', `This needs the role ${role}; ${caller.name} has ${caller.role}.`, { phase: 'receive' });
  }

  /** A browser keeps its cookie when the token behind it is taken back, or its role is another one. */
  #stillKnown(caller: Caller | undefined): Caller | undefined {
    if (caller === undefined || caller === OWNER) return caller;
    const entry = this.#users?.named(caller.name);
    return entry && callerOfEntry(entry);
  }

  #isOurs(hostname: string): boolean {
    if (isLoopback(hostname) || hostname === this.#address) return true;
    // Listening on every address, the names are not known; everything needs a token there.
    return this.#users !== null && isWildcard(this.#address);
  }
}

function callerOfEntry({ name, role, tenant, user }: TokenEntry): Caller {
  return { name, role, proven: true, ...(tenant === undefined ? {} : { tenant }), ...(user === undefined ? {} : { user }) };
}

/** Addresses that only this machine reaches, and `localhost`. */
export function isLoopback(host: string): boolean {
  const bare = bareHost(host.toLowerCase());
  return bare === 'localhost' || bare === '::1' || bare === '::ffff:127.0.0.1' || (isIP(bare) === 4 && bare.startsWith('127.'));
}

export function isWildcard(host: string): boolean {
  const bare = bareHost(host);
  return bare === '0.0.0.0' || bare === '::' || bare === '';
}

/** Where this machine reaches what listens on `address`, as a URL without a path. */
export function reachableAt(address: string, port: number): string {
  if (isWildcard(address)) return `http://127.0.0.1:${port}`;
  return `http://${address.includes(':') && !address.startsWith('[') ? `[${address}]` : address}:${port}`;
}

/** A person came by a link of another site. A frame navigates too, but nobody chose it, and a hundred of them could hold every event stream. */
function followsLink({ method, headers }: FastifyRequest): boolean {
  const { 'sec-fetch-mode': mode, 'sec-fetch-dest': dest = 'document' } = headers;
  return method === 'GET' && mode === 'navigate' && dest === 'document';
}

/** Node keeps the first and forgets the others; something in front of the host may have looked at the last. */
function hasTwoHosts({ raw: { rawHeaders } }: FastifyRequest): boolean {
  let found = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) if (rawHeaders[index]?.toLowerCase() === 'host') found += 1;
  return found > 1;
}

function hostnameOf(hostHeader: string): string {
  const [, hostname = ''] = /^(\[[^\]]*\]|[^:]*)(?::\d{1,5})?$/.exec(hostHeader.toLowerCase()) ?? [];
  return bareHost(hostname);
}

function bareHost(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}
