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

/** Finds a plugin by folder, npm name or packed tarball and reads its manifest. Problems name `plugins.<key>.from`. */
export async function findPlugin(
  entry: { readonly key: string; readonly from: string },
  context: SourceContext,
): Promise<{ readonly source?: PluginSource; readonly problems: readonly ErrorDetail[] }> {
  const at = `plugins.${entry.key}.from`;
  try {
    const folder = await locate(entry.from, context);
    const packageJson = (await readJson(path.join(folder, 'package.json'))) as PackageJson;
    if (typeof packageJson?.name !== 'string')
      throw new SourceProblem(`${path.join(folder, 'package.json')} has no name: a plugin is a package`);
    const parsed = parseManifest(await readJson(path.join(folder, 'plugin.json')));
    if ('problems' in parsed) {
      const problems = parsed.problems.map((problem) => ({ ...problem, path: `${path.join(folder, 'plugin.json')}:${problem.path}` }));
      return { problems };
    }
    return { source: { ...entry, folder, manifest: parsed.manifest, packageJson }, problems: [] };
  } catch (error) {
    if (error instanceof SourceProblem) return { problems: [{ path: at, message: error.message }] };
    return { problems: [{ path: at, message: `cannot be loaded from ${JSON.stringify(entry.from)}: ${messageOf(error)}` }] };
  }
}

class SourceProblem extends Error {}

async function locate(from: string, { configFolder, stagingDir }: SourceContext): Promise<string> {
  if (/\.(tgz|tar\.gz)$/.test(from)) return unpack(path.resolve(configFolder, from), stagingDir);
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
    const advice = isFolder ? `for the folder of that name write ./${from}` : `npm install ${from} in ${configFolder}`;
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
    await rm(temporary, { recursive: true, force: true });
    if (!existsSync(folder)) throw new SourceProblem(`${file} is no packed plugin: ${messageOf(error)}`);
  }
  return folder;
}

async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new SourceProblem(
      code === 'ENOENT' ? `${file} is missing: a plugin has package.json and plugin.json` : `${file} cannot be read (${code})`,
    );
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SourceProblem(`${file} is no valid JSON: ${messageOf(error)}`);
  }
}
