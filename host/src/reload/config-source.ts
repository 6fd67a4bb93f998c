import { type IClock, type ILogger, messageOf } from '@bellows/sdk';
import { type LoadedConfig, loadConfig, withLines } from '../config-file.js';
import type { HostConfig } from '../config-schema.js';
import type { HostOptions } from '../host-options.js';
import { type LoadedPlugin, type LoadResult, loadPlugins } from '../plugin-loader.js';
import { sweepStaging } from '../staging-sweep.js';
import { InPlaceCode } from './in-place-code.js';
import type { NextConfig } from './reloader.js';

export interface ConfigSourceOptions {
  readonly options: HostOptions;
  /** The configuration of the host (absolute). It stays the one: another that was found first now would be another project's. */
  readonly file: string;
  readonly stagingDir: string;
  readonly clock: IClock;
  readonly logger: ILogger;
}

/** Where a host gets its plugins from, at its start and again for each reload, and then its configuration. */
export class ConfigSource {
  readonly #options: ConfigSourceOptions;
  readonly #inPlace: InPlaceCode;
  readonly #spent = new Set<string>();
  /** What is being removed could be what is being read: one after the other. */
  #settling: Promise<void> = Promise.resolve();

  constructor(options: ConfigSourceOptions) {
    this.#options = options;
    this.#inPlace = new InPlaceCode(options.clock);
  }

  /** What a start with the same file would read and check now. Code that was imported before and has not changed is not imported again. */
  async read(): Promise<NextConfig> {
    await this.#settling;
    const { options, file } = this.#options;
    // a pipe that was read is empty, which is a valid configuration, or never ends
    const { loaded, problems } = await loadConfig({ ...options, configFile: file }, { mayBePipe: false });
    if (!loaded) return { waves: [], problems };
    const found = await this.load(loaded);
    return { loaded, waves: found.waves, problems: withLines([...problems, ...found.problems], loaded) };
  }

  load(loaded: LoadedConfig): Promise<LoadResult> {
    const { stagingDir, clock } = this.#options;
    return loadPlugins(loaded, {
      stagingDir,
      importModule: (url) => import(url),
      clock,
      hasChanged: (folder) => this.#inPlace.hasChanged(folder),
      spent: this.#spent,
    });
  }

  /** These run now: of all others the copies go. Not while something is read; what is read afterwards waits. Never rejects. */
  settle(plugins: readonly LoadedPlugin[]): Promise<void> {
    this.#settling = this.#settling.then(() => this.#sweep(plugins));
    return this.#settling;
  }

  async #sweep(plugins: readonly LoadedPlugin[]): Promise<void> {
    const { stagingDir, logger } = this.#options;
    const folders = new Set(plugins.flatMap(({ folder, source }) => [folder, source.folder]));
    await sweepStaging(stagingDir, folders).catch((error: unknown) =>
      logger.warn(`copies of earlier plugins were not removed: ${messageOf(error)}`, { error }),
    );
  }
}

/** The files whose change reloads a host by itself, as they were when they were `read`; none unless the host is to. */
export function watchedFiles({ host }: HostConfig, read: LoadedConfig): LoadedConfig['files'] {
  return host.watchConfig ? read.files : new Map();
}
