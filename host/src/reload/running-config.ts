import type { LoadedConfig } from '../config-file.js';
import type { HostConfig } from '../config-schema.js';
import type { LoadedPlugin } from '../plugin-loader.js';
import { type ConfigChange, comparedConfig } from './config-changes.js';
import type { PlannedConfig } from './plan-reload.js';
import type { ReloadReport } from './reload-report.js';

/** Raised by each reload that changed something; a host that was just started is at its first. */
export const FIRST_REVISION = 1;

/** What a host runs with. Only a reload that was accepted changes it. */
export class RunningConfig {
  #loaded: LoadedConfig;
  #waves: readonly (readonly LoadedPlugin[])[];
  #revision = FIRST_REVISION;
  /** How the last reload ended. */
  lastReload: ReloadReport | undefined;

  constructor(loaded: LoadedConfig, waves: readonly (readonly LoadedPlugin[])[]) {
    this.#loaded = loaded;
    this.#waves = waves;
  }

  get loaded(): LoadedConfig {
    return this.#loaded;
  }

  get config(): HostConfig {
    return this.#loaded.config;
  }

  get revision(): number {
    return this.#revision;
  }

  get plugins(): readonly LoadedPlugin[] {
    return this.#waves.flat();
  }

  planned(): PlannedConfig {
    return plannedConfig(this.#loaded, this.#waves);
  }

  /** What of `loaded` waits for a restart of the host stays as it is. Raises the revision where anything differs. */
  accept(loaded: LoadedConfig, waves: readonly (readonly LoadedPlugin[])[], { raises, waiting }: Acceptance): void {
    this.#loaded = { ...loaded, config: withRunning(loaded.config, this.config, waiting) };
    this.#waves = waves;
    if (raises) this.#revision += 1;
  }
}

interface Acceptance {
  readonly raises: boolean;
  /** The changes that wait for a restart of the host. */
  readonly waiting: readonly ConfigChange[];
}

export function plannedConfig(loaded: LoadedConfig, waves: readonly (readonly LoadedPlugin[])[]): PlannedConfig {
  const plugins = waves.flat();
  return { ...comparedConfig(loaded, plugins), loaded: plugins };
}

/** Options of the host itself have plain names, so their paths can be taken apart. */
function withRunning(next: HostConfig, running: HostConfig, waiting: readonly ConfigChange[]): HostConfig {
  return waiting.reduce((config, { path }) => withValueOf(running, config, path.split('.')) as HostConfig, next);
}

/** `to`, with what `from` has at a path. */
function withValueOf(from: unknown, to: unknown, [key, ...rest]: readonly string[]): unknown {
  if (key === undefined) return from;
  const { [key]: replaced, ...others } = (to ?? {}) as Record<string, unknown>;
  const value = withValueOf((from as Record<string, unknown> | undefined)?.[key], replaced, rest);
  return value === undefined ? others : { ...others, [key]: value };
}
