import { randomBytes } from 'node:crypto';
import type { Caller } from './http-context.js';

/** Browsers that opened the page link at once; the oldest is forgotten and needs the link again. */
const MAX_SESSIONS = 200;

/**
 * What a browser holds after it opened the page with `?token=`: a random cookie, so that the token itself is in no browser.
 * The name carries the port, because cookies do not tell ports apart. Ends with the host.
 */
export class PageSessions {
  readonly #callers = new Map<string, Caller>();
  #cookieName = 'bellows';

  setPort(port: number): void {
    this.#cookieName = `bellows_${port}`;
  }

  /** The value of `Set-Cookie`. */
  open(caller: Caller): string {
    const id = randomBytes(32).toString('base64url');
    this.#callers.set(id, caller);
    const [oldest] = this.#callers.keys();
    if (this.#callers.size > MAX_SESSIONS && oldest !== undefined) this.#callers.delete(oldest);
    return `${this.#cookieName}=${id}; HttpOnly; SameSite=Strict; Path=/`;
  }

  find(cookieHeader: string | undefined): Caller | undefined {
    for (const part of (cookieHeader ?? '').split(';')) {
      const [name, value] = part.trim().split('=', 2);
      if (name === this.#cookieName && value !== undefined) return this.#callers.get(value);
    }
    return undefined;
  }
}
