import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { cleanEnv, type Exit, follow, HOST_MAIN, REPOSITORY, type RunningHost } from './running-host.js';

/** `npx bellows` without npm, which would look for a package: the same file that it would start. */
const SHELL = `set -e
npx() { shift; "${process.execPath}" "${HOST_MAIN}" "$@"; }
node() { "${process.execPath}" "$@"; }
`;

export interface ShellBlock {
  readonly commands: string;
  /** The lines of the \`text\` block that follows, without those that only stand for more. */
  readonly shows: readonly string[];
}

/** The text of a document of the repository. */
export function documentText(file: string): string {
  return readFileSync(path.join(REPOSITORY, file), 'utf8');
}

/** Every block marked `bash run`, in the order of the document: later ones stand on earlier ones. */
export function shellBlocksOf(markdown: string): ShellBlock[] {
  const found = markdown.matchAll(/^```bash run\n([\s\S]*?)^```\n(?:\n```text\n([\s\S]*?)^```)?/gm);
  return [...found].map(([, commands = '', shown = '']) => ({
    commands,
    shows: shown.split('\n').filter((line) => line !== '' && !line.includes('…')),
  }));
}

/** Every block marked `file=<path>`: what a reader would save under that name. */
export function fileBlocksOf(markdown: string): ReadonlyMap<string, string> {
  const found = markdown.matchAll(/^```[a-z]+ file=(\S+)\n([\s\S]*?)^```$/gm);
  return new Map([...found].map(([, name = '', text = '']) => [name, text]));
}

/** Runs commands as a reader would in a shell, against a host that runs. */
export function runInShell(commands: string, { host, cwd }: { readonly host: RunningHost; readonly cwd: string }): Promise<Exit> {
  // Whether the port of the repository's own configuration is free here is nothing a document is about.
  const env = cleanEnv({ BELLOWS_URL: host.url, BELLOWS_TOKEN: host.token, BELLOWS_DATA: host.dataDir, BELLOWS_PORT: '0' });
  return follow(spawn('sh', ['-c', SHELL + commands], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })).exit;
}
