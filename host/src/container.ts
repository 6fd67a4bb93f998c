import 'reflect-metadata';
import { PluginError, type Token } from '@bellows/sdk';
import { container, type DependencyContainer } from 'tsyringe';

/**
 * Services by token. The injection library stays inside this file: plugins see `ctx.get(token)` only, so neither its
 * version nor its decorators become part of their contract. It resolves, it does not own: teardown is the host's own
 * stack, because the library's `dispose()` runs twice, skips values and ignores order.
 */
export class ServiceContainer {
  readonly #container: DependencyContainer;
  readonly #names = new Map<symbol, string>();

  constructor(parent?: ServiceContainer) {
    this.#container = (parent ? parent.#container : container).createChildContainer();
    if (parent) this.#names = parent.#names;
  }

  /** Offers `service` here and in every child. A token is set once: a second time is a fault of the caller. */
  provide<T>(token: Token<T>, service: T): void {
    if (this.#container.isRegistered(token.key, true)) {
      throw new PluginError('SERVICE_TAKEN', `the service ${token.description} is provided already; it cannot be replaced`);
    }
    this.#names.set(token.key, token.description);
    this.#container.registerInstance(token.key, service);
  }

  /** `PluginError` (`SERVICE_UNKNOWN`) when nobody provided it. */
  get<T>(token: Token<T>): T {
    if (this.#container.isRegistered(token.key, true)) return this.#container.resolve<T>(token.key);
    throw new PluginError(
      'SERVICE_UNKNOWN',
      `there is no service ${token.description}; the host offers ${[...this.#names.values()].sort().join(', ')}`,
    );
  }

  /** What one plugin sees. */
  child(): ServiceContainer {
    return new ServiceContainer(this);
  }
}
