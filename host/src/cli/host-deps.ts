import path from 'node:path';
import type { ErrorDetail } from '@bellows/sdk';
import type { StartOptions } from '../host.js';
import type { HostOptions } from '../host-options.js';
import type { CliDeps, CliIo } from './cli-deps.js';

/**
 * The real host behind the commands. Each part is loaded by the command that needs it: `bellows status` starts no plugin loader.
 * `catchFaults` is told where errors belong that nobody caught, before a plugin runs.
 */
export function hostDeps(io: CliIo, catchFaults: NonNullable<StartOptions['catchFaults']> = () => {}): CliDeps {
  return {
    async startHost(options) {
      const { startHost } = await import('../host.js');
      // The log goes to standard error, so that standard output holds only what the command says.
      return startHost({ ...options, console: io.stderr, signal: io.signal, catchFaults });
    },
    async checkConfig(options) {
      return (await import('../check-config.js')).checkConfig(options);
    },
    async effectiveConfig(options) {
      return (await import('../effective-config.js')).effectiveConfig(options);
    },
    async compareConfigs(from, to) {
      return (await import('../compare-configs.js')).compareConfigs(from, to);
    },
    async editorSchema(options) {
      return (await import('../read-editor-schema.js')).readEditorSchema(options);
    },
    async examine(options, signal) {
      const [{ examine }, { machineProbes }] = await Promise.all([import('../doctor/examine.js'), import('../doctor/machine-probes.js')]);
      return examine(machineProbes(options, signal));
    },
    async backUp(options, request) {
      const { backUp } = await import('../backup/back-up.js');
      return backUp({ ...request, dataDir: (await dataFoldersOf(options)).folder });
    },
    async findHost(options) {
      const { readHostFile } = await import('../data-folder.js');
      const { folder, usual, unread } = await dataFoldersOf(options);
      const found = {
        file: path.join(folder, 'host.json'),
        host: await readHostFile(folder),
        ...(unread === undefined ? {} : { unread }),
      };
      const isElsewhere = found.host === null && usual !== folder && (await readHostFile(usual)) !== null;
      return isElsewhere ? { ...found, elsewhere: usual } : found;
    },
  };
}

/**
 * Flag, environment, configuration file, default; a configuration that is broken or missing does not hide a running host. `usual` is the
 * default where the file names another folder. `unread`: what is wrong with a file that was named and tells nothing.
 */
async function dataFoldersOf(
  options: HostOptions,
): Promise<{ readonly folder: string; readonly usual: string; readonly unread?: ErrorDetail }> {
  const named = options.dataDir ?? options.env.BELLOWS_DATA;
  if (named !== undefined) {
    const folder = path.resolve(options.cwd, named);
    return { folder, usual: folder };
  }
  const { loadConfig, namedConfigFile } = await import('../config-file.js');
  const { loaded, problems } = await loadConfig(options);
  const usual = path.resolve(loaded?.folder ?? options.cwd, '.bellows');
  const [unread] = loaded === undefined && namedConfigFile(options) !== undefined ? problems : [];
  return { folder: loaded?.config.host.dataDir ?? usual, usual, ...(unread === undefined ? {} : { unread }) };
}
