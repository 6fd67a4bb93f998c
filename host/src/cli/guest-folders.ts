import { lstat, mkdir, readdir, readFile, realpath, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { GuestError, InputError, messageOf } from '@bellows/sdk';
import { unreadable, usageError } from './command-context.js';

export interface GuestFolder {
  /** Absolute. */
  readonly host: string;
  /** As the guest sees it: absolute, `/` between names, none at the end. */
  readonly guest: string;
  readonly readOnly: boolean;
}

export interface GuestFile {
  readonly path: string;
  readonly base64: string;
}

/** What fits into one JSON body as base64, with room for the rest of the input. */
const MAX_FILES_BYTES = 44 * 1024 * 1024;

/** `host:guest` or `host:guest:ro`; a colon inside of the host's path (a Windows drive) belongs to it. */
export function parseGuestFolder(text: string, resolve: (file: string) => string): GuestFolder {
  const [, host, guest, ro] = /^(.+?):(\/[^:]*)(:ro)?$/.exec(text) ?? [];
  if (host === undefined || guest === undefined) {
    throw usageError(`--dir ${JSON.stringify(text)} must be host:guest or host:guest:ro, the guest's part beginning with "/".`);
  }
  return { host: resolve(host), guest: path.posix.normalize(guest).replace(/\/$/, ''), readOnly: ro !== undefined };
}

/** Every regular file below the folders. Links are left out: they may lead anywhere. */
export async function readGuestFolders(folders: readonly GuestFolder[]): Promise<GuestFile[]> {
  const files: GuestFile[] = [];
  let total = 0;
  for (const { host, guest } of folders) {
    for (const file of await filesBelow(host)) {
      const content = await readFile(file).catch((error: unknown) => {
        throw unreadable(file, error);
      });
      total += content.byteLength;
      if (total > MAX_FILES_BYTES)
        throw usageError(`The folders given with --dir hold more than ${MAX_FILES_BYTES} bytes, the most one call takes.`);
      const relative = path.relative(host, file).split(path.sep).join('/');
      // Guests name files from the root of the one folder they see.
      files.push({ path: `${guest}/${relative}`.slice(1), base64: content.toString('base64') });
    }
  }
  return files;
}

/**
 * Writes what a guest gave back into the folders it came from, read-only ones excepted. All names are checked before the first
 * byte is written: `GuestError` (`FILE_ESCAPES`) for one outside of every folder, or that leads out through a link. `InputError` (`FILE_UNWRITABLE`)
 * where the system does not let it write; files before that one are written.
 */
export async function writeGuestFolders(folders: readonly GuestFolder[], files: readonly GuestFile[]): Promise<number> {
  const targets: { readonly target: string; readonly content: Buffer }[] = [];
  for (const file of files) {
    const { folder, relative } = placeOf(folders, `/${file.path.replace(/^\//, '')}`);
    if (folder.readOnly) continue;
    const target = path.join(folder.host, relative);
    await refuseLinks(folder.host, target, file.path);
    targets.push({ target, content: Buffer.from(file.base64, 'base64') });
  }
  for (const { target, content } of targets) {
    try {
      await mkdir(path.dirname(target), { recursive: true });
      await writeFile(target, content);
    } catch (error) {
      throw new InputError('FILE_UNWRITABLE', `${target}, which the guest gave back, cannot be written: ${messageOf(error)}.`, {
        cause: error,
      });
    }
  }
  return targets.length;
}

function placeOf(folders: readonly GuestFolder[], guestPath: string): { folder: GuestFolder; relative: string } {
  const parts = guestPath.split('/');
  // On Windows a backslash or a colon would start a path of its own.
  if (parts.some((part) => part === '..' || part === '.' || /[\0\\:]/.test(part))) throw escapes(guestPath);
  const below = folders.filter(({ guest }) => guestPath.startsWith(`${guest}/`)).sort((a, b) => b.guest.length - a.guest.length);
  const [folder] = below;
  const relative = folder ? guestPath.slice(folder.guest.length + 1) : '';
  if (!folder || relative.split('/').includes('')) throw escapes(guestPath);
  return { folder, relative };
}

/** No part of the way, and not the file itself, may be a link: it was made by somebody to lead elsewhere. */
async function refuseLinks(root: string, target: string, guestPath: string): Promise<void> {
  let current = await realpath(root);
  for (const part of path.relative(root, target).split(path.sep)) {
    current = path.join(current, part);
    const found = await lstat(current).catch(() => null);
    if (found === null) return;
    if (found.isSymbolicLink()) throw escapes(guestPath);
  }
}

/** A walk of its own: the recursive one of Node follows links to folders, so around in circles or out. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(folder, error);
  });
  const found: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const file = path.join(folder, entry.name);
    if (entry.isFile()) found.push(file);
    else if (entry.isDirectory()) found.push(...(await filesBelow(file)));
  }
  return found;
}

function escapes(guestPath: string): GuestError {
  return new GuestError(
    'FILE_ESCAPES',
    `The guest gave back the file ${JSON.stringify(guestPath)}, which is in no folder it was given; nothing was written.`,
  );
}
