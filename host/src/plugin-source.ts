import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type ErrorDetail, messageOf, type PluginManifest, parseManifest } from '@bellows/sdk';

/** A plugin found on disk, its manifest read; no code of it has run. */
export interface PluginSource {
  /** The key in `plugins:`. */
  readonly key: string;
  /** As written in the config. */
  readonly from: string;
  /** The package's folder, absolute. */
  readonly folder: string;
  readonly manifest: PluginManifest;
  readonly packageJson: PackageJson;
}

export interface PackageJson {
  readonly name: string;
  readonly version?: string;
  readonly exports?: unknown;
  readonly main?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

interface SourceContext {
  /** What relative folders and npm names are meant from: the config file's folder. */
  readonly configFolder: string;
  /** Where tarballs are unpacked. */
  readonly stagingDir: string;
}

/** What a plugin's folder is called to who wrote `from`: of a packed one there is only a copy, which may be gone when it is read. */
export function placeOfPlugin({ from, folder }: Pick<PluginSource, 'from' | 'folder'>): string {
  return isPacked(from) ? from : folder;
}

/** Finds a plugin by folder, npm name or packed tarball and reads its manifest. Problems name `plugins.<key>.from`. */
export async function findPlugin(
  entry: { readonly key: string; readonly from: string },
  context: SourceContext,
): Promise<{ readonly source?: PluginSource; readonly problems: readonly ErrorDetail[] }> {
  const at = `plugins.${entry.key}.from`;
  try {
    const folder = await locate(entry.from, context);
    const read = (name: string) => readJson(path.join(folder, name), placeIn({ from: entry.from, folder }, name));
    const packageJson = (await read('package.json')) as PackageJson;
    if (typeof packageJson?.name !== 'string')
      throw new SourceProblem(`${placeIn({ from: entry.from, folder }, 'package.json')} has no name: a plugin is a package`);
    const parsed = parseManifest(await read('plugin.json'));
    if ('problems' in parsed) {
      const place = placeIn({ from: entry.from, folder }, 'plugin.json');
      return { problems: parsed.problems.map((problem) => ({ ...problem, path: `${place}:${problem.path}` })) };
    }
    return { source: { ...entry, folder, manifest: parsed.manifest, packageJson }, problems: [] };
  } catch (error) {
    if (error instanceof SourceProblem) return { problems: [{ path: at, message: error.message }] };
    return { problems: [{ path: at, message: `cannot be loaded from ${JSON.stringify(entry.from)}: ${messageOf(error)}` }] };
  }
}

class SourceProblem extends Error {}

function isPacked(from: string): boolean {
  return /\.(tgz|tar\.gz)$/.test(from);
}

/** A file of a plugin, as an operator would look for it. */
function placeIn(source: Pick<PluginSource, 'from' | 'folder'>, name: string): string {
  return isPacked(source.from) ? `${name} in ${source.from}` : path.join(source.folder, name);
}

async function locate(from: string, { configFolder, stagingDir }: SourceContext): Promise<string> {
  if (isPacked(from)) return unpack(path.resolve(configFolder, from), stagingDir);
  if (from.startsWith('.') || path.isAbsolute(from)) {
    const folder = path.resolve(configFolder, from);
    const info = await stat(folder).catch(() => undefined);
    if (!info) throw new SourceProblem(`the folder ${folder} does not exist`);
    if (!info.isDirectory()) throw new SourceProblem(`${folder} is no folder; a plugin is a folder, an npm name or a packed .tgz`);
    return realpath(folder);
  }
  if (!/^(@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*$/i.test(from)) {
    throw new SourceProblem(`${JSON.stringify(from)} is no npm name; a folder starts with ./ or /`);
  }
  // Looked up as Node does, from the config file upwards; package.json need not be among the package's exports.
  const paths = createRequire(path.join(configFolder, 'bellows.yaml')).resolve.paths(from) ?? [];
  const found = paths.map((folder) => path.join(folder, from)).find((folder) => existsSync(path.join(folder, 'package.json')));
  if (!found) {
    const isFolder = existsSync(path.join(configFolder, from, 'package.json'));
    // those of this project are on no registry
    const how = from.startsWith('@bellows/')
      ? 'pack it in the clone and install that, as docs/how-to/install-outside-a-clone.md says,'
      : `npm install ${from}`;
    const advice = isFolder ? `for the folder of that name write ./${from}` : `${how} in ${configFolder}`;
    throw new SourceProblem(`no package ${JSON.stringify(from)} is installed: ${advice}`);
  }
  return realpath(found);
}

/** Unpacks `npm pack`'s tarball once per content; a half-unpacked one never has the final name. */
async function unpack(file: string, stagingDir: string): Promise<string> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new SourceProblem(error.code === 'ENOENT' ? `the file ${file} does not exist` : `${file} cannot be read (${error.code})`);
  });
  const { createHash } = await import('node:crypto');
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  const folder = path.join(stagingDir, '_unpacked', hash);
  if (existsSync(folder)) return folder;
  await mkdir(path.dirname(folder), { recursive: true, mode: 0o700 });
  const temporary = await mkdtemp(`${folder}.`);
  try {
    const { x } = await import('tar');
    // from the bytes that were hashed: the file may have been replaced meanwhile
    await pipeline(Readable.from([bytes]), x({ cwd: temporary, strip: 1, strict: true, preservePaths: false }));
    await rename(temporary, folder);
  } catch (error) {
    // files whose bytes had come are still being written when the end is found to be missing
    await rm(temporary, { recursive: true, force: true, ...PATIENT }).catch(() => {});
    if (!existsSync(folder)) throw new SourceProblem(`${file} is no packed plugin: ${messageOf(error)}`);
  }
  return folder;
}

/** What is written meanwhile is a few files, within ms; what is left all the same goes with the next sweep of the staging folder. */
const PATIENT = Object.freeze({ maxRetries: 10, retryDelay: 10 });

/** `place`: what to call it. */
async function readJson(file: string, place: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new SourceProblem(
      code === 'ENOENT' ? `${place} is missing: a plugin has package.json and plugin.json` : `${place} cannot be read (${code})`,
    );
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SourceProblem(`${place} is no valid JSON: ${messageOf(error)}`);
  }
}
