import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { PluginError } from '@bellows/sdk';
import { linkFolder } from './package-links.js';
import type { PluginSource } from './plugin-source.js';

/** Packages of which one process must hold one copy: their identity crosses between host and plugins. */
const SHARED_PACKAGES = ['@bellows/sdk', 'rxjs', 'tsyringe', 'reflect-metadata'] as const;

interface StageContext {
  readonly stagingDir: string;
  /** Where private dependencies of a packed plugin are looked for besides its own folder. */
  readonly configFolder: string;
  /** Whether other code may have been imported from a folder than it holds now; asked before each import from one. Default: never. */
  readonly hasChanged?: (folder: string) => Promise<boolean>;
  /** Folders from which an import has failed or not come to an end: Node.js keeps that for good, whatever it was that was missing. */
  readonly spent?: ReadonlySet<string>;
}

/**
 * Answers the folder to load a plugin from. One that already resolves the host's own SDK is loaded in place, unless other code was
 * imported from there before, or an import from there has failed. Any other is copied to `<stagingDir>/<id>/<hash of content and links>/`, where shared packages are links to the host's copies and private
 * dependencies links to the plugin's own: a plain import would end in two SDKs.
 */
export async function stagePlugin(source: PluginSource, context: StageContext): Promise<string> {
  if (await isImportedInPlace(source.folder, context)) return source.folder;
  const links = packageLinks(source, context);
  // The id, which was checked, and not the package's name: that could lead out of the folder.
  const copies = path.join(context.stagingDir, source.manifest.id);
  const folderOf = (hash: string) => {
    const plain = path.join(copies, hash);
    let fresh = plain;
    for (let attempt = 2; context.spent?.has(fresh); attempt += 1) fresh = `${plain}-${attempt}`;
    return fresh;
  };
  const packages = await linkFolder(links, context.stagingDir);
  // A plugin that is new here has no copy to look for, and is read once less.
  const staged = existsSync(copies) ? folderOf(await hashOf(source.folder, links)) : undefined;
  if (staged !== undefined && existsSync(staged)) return staged;
  await mkdir(copies, { recursive: true, mode: 0o700 });
  const temporary = await mkdtemp(path.join(copies, 'new.'));
  let folder: string | undefined;
  try {
    // A build may write meanwhile: a copy is called after what it holds, not after what was there before.
    folder = folderOf(await hashOf(source.folder, links, temporary));
    // relative: a data folder may be moved
    await symlink(path.relative(temporary, packages), path.join(temporary, 'node_modules'), 'junction');
    await rename(temporary, folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if (folder === undefined || !existsSync(folder)) throw error; // else another host staged the same content first
  }
  return folder;
}

async function isImportedInPlace(folder: string, { hasChanged, spent }: StageContext): Promise<boolean> {
  // in this order: that it was looked at is to be known of every folder that is imported from
  return sdkSeenFrom(folder) === hostCopy('@bellows/sdk') && !(await hasChanged?.(folder)) && !spent?.has(folder);
}

/** Whether a file or folder of this name belongs to a plugin: not what is installed for it, its history, or the data of a host that runs in its folder. */
export function isShipped(name: string): boolean {
  return name !== 'node_modules' && name !== '.git' && name !== '.bellows';
}

/** The file that `import` of the package would run. `place`: what to call the folder where it is a copy. */
export function entryFile(folder: string, packageJson: PluginSource['packageJson'], place = folder): string {
  const target = importTarget(packageJson.exports) ?? packageJson.main;
  if (target === undefined) {
    throw new PluginError('PLUGIN_ENTRY_MISSING', `${path.join(place, 'package.json')} has no \`exports["."]\`: say there what to load`, {
      phase: 'validate',
    });
  }
  const file = path.resolve(folder, target);
  if (!existsSync(file)) {
    throw new PluginError('PLUGIN_ENTRY_MISSING', `${path.join(place, target)} does not exist: build the plugin first`, {
      phase: 'validate',
    });
  }
  return file;
}

function importTarget(exports: unknown): string | undefined {
  if (typeof exports === 'string') return exports;
  if (typeof exports !== 'object' || exports === null) return undefined;
  const map = exports as Record<string, unknown>;
  if ('.' in map) return importTarget(map['.']);
  for (const condition of ['node', 'import', 'default']) {
    const target = importTarget(map[condition]);
    if (target !== undefined) return target;
  }
  return undefined;
}

/** By package name: the folder it is to be found in. */
function packageLinks(source: PluginSource, { configFolder }: StageContext): Map<string, string> {
  const links = new Map<string, string>();
  for (const name of SHARED_PACKAGES) {
    const target = hostCopy(name);
    if (target) links.set(name, target);
  }
  const shared: readonly string[] = SHARED_PACKAGES;
  for (const name of Object.keys(source.packageJson.dependencies ?? {}).filter((dependency) => !shared.includes(dependency))) {
    const target = [source.folder, configFolder, import.meta.dirname]
      .map((from) => packageSeenFrom(from, name))
      .find((found) => found !== undefined);
    if (!target) {
      throw new PluginError(
        'PLUGIN_DEPENDENCY_MISSING',
        `${source.packageJson.name} needs the package ${JSON.stringify(name)}, which is installed neither with the plugin nor beside the configuration: npm install ${name} in ${configFolder}`,
        { plugin: source.manifest.id, phase: 'validate' },
      );
    }
    links.set(name, target);
  }
  return links;
}

function sdkSeenFrom(folder: string): string | undefined {
  return packageSeenFrom(folder, '@bellows/sdk');
}

/** Looked for once: what of it this process has imported stays. */
const hostCopies = new Map<string, string | undefined>();

function hostCopy(name: string): string | undefined {
  if (!hostCopies.has(name)) {
    // rxjs is the SDK's dependency, not the host's: look from there too
    const found = packageSeenFrom(import.meta.dirname, name) ?? packageSeenFrom(hostCopy('@bellows/sdk') ?? import.meta.dirname, name);
    hostCopies.set(name, found);
  }
  return hostCopies.get(name);
}

/** The real folder of a package as Node would find it from `folder`. */
function packageSeenFrom(folder: string, name: string): string | undefined {
  const paths = createRequire(path.join(realpathSync(folder), 'package.json')).resolve.paths(name) ?? [];
  const found = paths.map((root) => path.join(root, name)).find((candidate) => existsSync(path.join(candidate, 'package.json')));
  return found && realpathSync(found);
}

/**
 * Over names and bytes of everything the plugin ships, and over where its packages are: with a host that
 * moved or was replaced, a folder staged before would link to the old one's SDK. With `copy`, an empty folder, what was read is written
 * there as well, so that the hash is that of the copy whatever was written to the plugin meanwhile.
 */
export async function hashOf(folder: string, links: ReadonlyMap<string, string> = new Map(), copy?: string): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([...links]));
  const walk = async (current: string): Promise<void> => {
    const entries = (await readdir(current, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      if (!isShipped(entry.name)) continue;
      const file = path.join(current, entry.name);
      const name = path.relative(folder, file);
      const target = copy === undefined ? undefined : path.join(copy, name);
      if (entry.isDirectory()) {
        if (target !== undefined) await mkdir(target);
        await walk(file);
      } else if (entry.isFile() || entry.isSymbolicLink()) {
        const bytes = await (entry.isFile() ? fileBytes(file, target) : linkBytes(file, { folder, target }));
        hash.update(JSON.stringify([name, bytes.length])).update(bytes);
      }
    }
  };
  await walk(folder);
  return hash.digest('hex').slice(0, 16);
}

async function fileBytes(file: string, target: string | undefined): Promise<Uint8Array> {
  if (target === undefined) return readFile(file);
  await using handle = await open(file);
  const { mode } = await handle.stat();
  const bytes = await handle.readFile();
  await writeFile(target, bytes, { mode });
  return bytes;
}

/** A link to something that is copied leads to the copy of it; any other to where it led. */
async function linkBytes(file: string, place: { readonly folder: string; readonly target: string | undefined }): Promise<Uint8Array> {
  const to = await readlink(file);
  const { folder, target } = place;
  if (target !== undefined) {
    const absolute = path.resolve(path.dirname(file), to);
    const isCopied = path
      .relative(folder, absolute)
      .split(path.sep)
      .every((part) => part !== '..' && isShipped(part));
    await symlink(isCopied ? path.relative(path.dirname(file), absolute) : absolute, target);
  }
  return Buffer.from(to);
}
