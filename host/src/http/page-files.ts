import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { InvariantError } from '@bellows/sdk';

/** How an asset may be sent, best first. */
const ENCODINGS = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const;

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface PageAsset {
  readonly type: string;
  readonly plain: Buffer;
  /** Those that were made at the build. */
  readonly encoded: ReadonlyMap<string, Buffer>;
}

/** The built page, in memory. Reads all of it when it is made: do that at the first request, not at the start of the host. */
export class PageFiles {
  readonly html: string;
  readonly #assets = new Map<string, PageAsset>();

  constructor(folder = pageFolder()) {
    this.html = readFileSync(path.join(folder, 'index.html'), 'utf8');
    const assets = path.join(folder, 'assets');
    const names = readdirSync(assets);
    for (const name of names) {
      const type = TYPES[path.extname(name)];
      if (type === undefined) continue;
      const encoded = ENCODINGS.filter(([, ending]) => names.includes(name + ending)).map(
        ([encoding, ending]) => [encoding, readFileSync(path.join(assets, name + ending))] as const,
      );
      this.#assets.set(name, { type, plain: readFileSync(path.join(assets, name)), encoded: new Map(encoded) });
    }
  }

  /** By its whole name: nothing is looked up on the disk. */
  asset(name: string): PageAsset | undefined {
    return this.#assets.get(name);
  }
}

/** The form of an asset for whoever accepts `header`. */
export function encodingFor(asset: PageAsset, header: string | undefined): { readonly encoding?: string; readonly body: Buffer } {
  const accepted = new Map(
    (header ?? '').split(',').map((part) => {
      const [name = '', quality = ''] = part.trim().toLowerCase().split(';', 2);
      return [name.trim(), !/^\s*q=0(\.0*)?\s*$/.test(quality)];
    }),
  );
  for (const [encoding, body] of asset.encoded) if (accepted.get(encoding) === true) return { encoding, body };
  return { body: asset.plain };
}

/** Beside the bundle, or, from the sources, where the build has put it. */
function pageFolder(): string {
  const candidates = ['dashboard', '../dashboard', '../../dist/dashboard'].map((place) => path.join(import.meta.dirname, place));
  const found = candidates.find((folder) => existsSync(path.join(folder, 'index.html')));
  if (found === undefined) throw new InvariantError('BUG', 'The page is not part of this build of the host: build it again.');
  return found;
}
