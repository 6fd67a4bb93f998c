import path from 'node:path';
import { type IClock, type ILogger, messageOf } from '@bellows/sdk';
import { type LoadedConfig, loadConfig, withLines } from '../config-file.js';
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

  constructor(options: ConfigSourceOptions) {
    this.#options = options;
    this.#inPlace = new InPlaceCode(options.clock);
  }

  /** What a start with the same file would read and check now. Code that was imported before and has not changed is not imported again. */
  async read(): Promise<NextConfig> {
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
    });
  }

  /** These run now: of what runs no more the copies go. Never rejects. */
  async settle(plugins: readonly LoadedPlugin[]): Promise<void> {
    const { stagingDir, logger } = this.#options;
    const folders = new Set(plugins.flatMap(({ folder, source }) => [folder, source.folder]));
    await sweepStaging(stagingDir, folders).catch((error: unknown) =>
      logger.warn(`copies of earlier plugins were not removed: ${messageOf(error)}`, { error }),
    );
  }
}

/** The files whose change reloads a host by itself; none unless it is to. */
export function watchedFiles({ config, file, folder }: LoadedConfig): readonly string[] {
  if (!config.host.watchConfig) return [];
  const own = Object.values(config.plugins).flatMap(({ configFile }) =>
    configFile === undefined ? [] : [path.resolve(folder, configFile)],
  );
  return [file, ...new Set(own)];
}
