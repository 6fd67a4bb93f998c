import { type ErrorDetail, isBellowsError } from '@bellows/sdk';
import { type DefinitionFilesOptions, loadDefinitionFiles } from './definition-files.js';
import type { DefinitionRegistry } from './definition-registry.js';

/**
 * Every fault of every file of `definitions`; nothing is kept. `kept` are the definitions that are in use now: the store is held by whoever
 * uses it, so without them nobody knows before the start whether a definition has changed under its version.
 */
export async function checkDefinitionFiles(
  options: DefinitionFilesOptions,
  kept?: Pick<DefinitionRegistry, 'changesOf'>,
): Promise<readonly ErrorDetail[]> {
  try {
    const loaded = await loadDefinitionFiles(options);
    loaded[Symbol.dispose]();
    return kept?.changesOf(loaded.pipelines) ?? [];
  } catch (error) {
    if (!isBellowsError(error)) throw error;
    return error.details ?? [{ path: 'definitions', message: error.message }];
  }
}
