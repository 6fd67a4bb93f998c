import type { LoadedConfig } from './config-file.js';
import { formsOf, withoutForms } from './hidden-values.js';
import type { LoadedPlugin } from './plugin-loader.js';
import { secretsIn } from './reload/change-mark.js';

/** As many as any configuration has and its changes of a day; those not heard of for longest are forgotten. */
const MAX_KNOWN = 1_000;

/**
 * What is secret beyond doubt, of the configurations a host has seen: what came from files, options marked `secret`, and what a name
 * calls a secret. Not all of the environment: there stand ports and folders, too, which a log without them could not tell of.
 */
export class KnownSecrets {
  readonly #known = new Set<string>();
  #forms: readonly string[] = [];

  /** Also of a configuration that will be refused: code that has seen it may quote it. Earlier ones stay, for code that has not ended. */
  learn(values: Iterable<string>): void {
    for (const value of values) {
      this.#known.delete(value);
      this.#known.add(value);
    }
    for (const value of this.#known) {
      if (this.#known.size <= MAX_KNOWN) break;
      this.#known.delete(value);
    }
    this.#forms = formsOf([...this.#known]);
  }

  /** `text` without them, from six characters on, also where it is JSON. */
  readonly hide = (text: string): string => withoutForms(text, this.#forms);
}

/** Every secret of one configuration and of the plugins that were loaded by it. */
export function secretsOf({ sureSecrets }: Pick<LoadedConfig, 'sureSecrets'>, plugins: readonly LoadedPlugin[]): string[] {
  return [...sureSecrets, ...plugins.flatMap(({ plugin, config }) => secretsIn(plugin.config, config))];
}
