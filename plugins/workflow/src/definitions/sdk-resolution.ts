import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

const OFFERED = new Set(['@bellows/sdk', '@bellows/sdk/workflow']);

/**
 * Lets files below these folders (absolute) import the SDK where nothing is installed: what does not resolve by itself is resolved as
 * from this plugin. An own copy of the user wins. Other files are not touched. Disposing ends it; modules loaded by then stay.
 */
export function offerSdk(folders: Iterable<string>): Disposable {
  const prefixes = [...folders].map((folder) => pathToFileURL(`${folder}/`).href);
  const hooks = registerHooks({
    resolve(specifier, context, nextResolve) {
      const from = context.parentURL;
      if (!OFFERED.has(specifier) || from === undefined || !prefixes.some((prefix) => from.startsWith(prefix))) {
        return nextResolve(specifier, context);
      }
      try {
        return nextResolve(specifier, context);
      } catch (error) {
        if ((error as NodeJS.ErrnoException | null)?.code !== 'ERR_MODULE_NOT_FOUND') throw error;
        return nextResolve(specifier, { ...context, parentURL: import.meta.url });
      }
    },
  });
  return { [Symbol.dispose]: () => hooks.deregister() };
}
