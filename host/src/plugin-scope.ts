import { AsyncLocalStorage } from 'node:async_hooks';

interface Scope {
  readonly pluginId: string;
  readonly phase: string;
  /** Aborted when the activation it belongs to was stopped: what breaks from then on says nothing of the next one. */
  readonly signal?: AbortSignal;
}

const storage = new AsyncLocalStorage<Scope>();

/** Runs plugin code so that what it starts (timers, promises) can be traced back to the plugin. */
export function inPluginScope<T>(scope: Scope, run: () => T): T {
  return storage.run(scope, run);
}

/** Runs code of the host that plugin code happened to cause. */
export function outsidePluginScope<T>(run: () => T): T {
  return storage.exit(run);
}

/** Which plugin's code is running, as far as known. */
export function currentPluginScope(): Scope | undefined {
  return storage.getStore();
}
