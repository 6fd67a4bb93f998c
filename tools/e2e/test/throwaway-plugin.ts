import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface ThrowawayPlugin {
  readonly id: string;
  /** The folder's name; default: the id. */
  readonly folderName?: string;
  readonly sdk?: string;
  readonly needs?: readonly string[];
  /** The body of `activate(ctx)`, with everything of the SDK in scope as `sdk`. */
  readonly activate?: string;
  /** A zod schema in source form. */
  readonly config?: string;
}

/** Writes a plugin in plain JavaScript below `parent` and returns its folder, as a third party would have it: outside of the repository. */
export function writePlugin(parent: string, plugin: ThrowawayPlugin): string {
  const { id, folderName = id, sdk = '^0.1.0', needs = [], activate = '', config = 'sdk.z.strictObject({})' } = plugin;
  const folder = path.join(parent, folderName);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'plugin.json'), JSON.stringify({ id, version: '1.0.0', sdk, needs, stability: 'stable' }));
  writeFileSync(
    path.join(folder, 'package.json'),
    JSON.stringify({
      name: `throwaway-${folderName}`,
      version: '1.0.0',
      type: 'module',
      exports: { '.': './index.mjs' },
      peerDependencies: { '@bellows/sdk': '^0.1.0' },
    }),
  );
  writeFileSync(
    path.join(folder, 'index.mjs'),
    `import * as sdk from '@bellows/sdk';
export default sdk.definePlugin({
  id: ${JSON.stringify(id)},
  config: ${config},
  async activate(ctx) {
    ${activate}
  },
});
`,
  );
  return folder;
}
