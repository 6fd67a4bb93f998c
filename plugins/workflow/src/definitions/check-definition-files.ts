import { type ErrorDetail, isBellowsError } from '@bellows/sdk';
import { type DefinitionFilesOptions, loadDefinitionFiles } from './definition-files.js';

/** Every fault of every file of `definitions`; nothing is kept. */
export async function checkDefinitionFiles(options: DefinitionFilesOptions): Promise<readonly ErrorDetail[]> {
  try {
    const loaded = await loadDefinitionFiles(options);
    loaded[Symbol.dispose]();
    return [];
  } catch (error) {
    if (!isBellowsError(error)) throw error;
    return error.details ?? [{ path: 'definitions', message: error.message }];
  }
}
