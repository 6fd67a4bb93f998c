import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { stepsOf } from '../../documents/blocks.mjs';
import { isDocument } from '../../documents/documents.mjs';
import { REPOSITORY } from './running-host.js';

const FOLDERS = ['docs', 'plugins', 'sdk', 'host', 'tools'];

/** Every document that a reader of the repository meets. */
export function allDocuments(): string[] {
  const below = FOLDERS.flatMap((folder) =>
    readdirSync(path.join(REPOSITORY, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
  );
  return [...readdirSync(REPOSITORY), ...below]
    .map((name) => name.split(path.sep).join('/'))
    .filter(isDocument)
    .sort();
}

/** The text of a document of the repository. */
export function documentText(file: string): string {
  return readFileSync(path.join(REPOSITORY, file), 'utf8');
}

/** Every block marked `file=<path>`: what a reader would save under that name. */
export function fileBlocksOf(markdown: string): ReadonlyMap<string, string> {
  const files = stepsOf(markdown).filter(({ marks }) => typeof marks.file === 'string');
  return new Map(files.map(({ marks, text }) => [String(marks.file), text]));
}
