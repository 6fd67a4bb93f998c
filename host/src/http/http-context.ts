import type { IClock, ILogger, IRandom, Role } from '@bellows/sdk';
import type { HostView } from '../host-view.js';
import type { OperationRegistry } from '../operations/operation-registry.js';
import type { HostControl } from '../reload/reloader.js';
import type { BodyBudget } from './body-budget.js';
import type { EventFeed } from './event-feed.js';
import type { LocalSafety } from './local-safety.js';
import type { PageSessions } from './page-sessions.js';
import type { RunningRequests } from './running-requests.js';

/** Who makes a request. Without users, whoever reaches loopback is `local`. */
export interface Caller {
  readonly name: string;
  readonly role: Role;
  /** Showed a token, or the cookie the page got for one. */
  readonly proven: boolean;
  /** In whose name the bearer calls where the token is bound. An admin may name others all the same. */
  readonly tenant?: string;
  readonly user?: string;
}

/** What the routes share. */
export interface HttpContext {
  readonly view: HostView;
  readonly control: HostControl;
  readonly registry: OperationRegistry;
  readonly feed: EventFeed;
  readonly sessions: PageSessions;
  readonly safety: LocalSafety;
  readonly running: RunningRequests;
  readonly bodies: BodyBudget;
  readonly clock: IClock;
  readonly random: IRandom;
  readonly logger: ILogger;
  readonly metricsText: () => Promise<string>;
}

declare module 'fastify' {
  interface FastifyRequest {
    traceId: string;
    caller: Caller;
  }
  interface FastifyContextConfig {
    /** The least role where the host has users. Default `reader`. */
    role?: Role;
    /** Answers anybody, also where the host has users. */
    open?: boolean;
    /** The parameters its address may have after `?`. Default none. */
    query?: readonly string[];
    /** Takes and ignores any parameter: probes and scrapers add some against caches. */
    anyQuery?: boolean;
    /** JSON that is empty means `{}`. */
    bodyOptional?: boolean;
  }
}
