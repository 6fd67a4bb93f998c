import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const LINK = /\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g;
const FENCE = /^```(?:bash|sh)[^\n]*\n([\s\S]*?)^```/gm;

export function relativeLinks({ root, files }) {
  return documents(files).flatMap((file) => {
    const text = withoutCode(readFileSync(path.join(root, file), 'utf8'));
    return [...text.matchAll(LINK)]
      .map(([, target]) => target)
      .filter((target) => !/^([a-z]+:|#)/.test(target))
      .filter((target) => !existsSync(path.join(root, path.dirname(file), decodeURIComponent(target.replace(/#.*$/, '')))))
      .map((target) => `${file}: ${target} does not exist`);
  });
}

/** Looks at the `bash` blocks: scripts of npm must be in package.json, commands of `bellows` in the reference of the command line. */
export function documentedCommands({ root, files }) {
  const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const reference = path.join(root, 'docs/reference/cli.md');
  const known = existsSync(reference)
    ? new Set([...readFileSync(reference, 'utf8').matchAll(/^## `bellows ([a-z]+)/gm)].map(([, name]) => name))
    : undefined;
  return documents(files).flatMap((file) =>
    commandLines(readFileSync(path.join(root, file), 'utf8')).flatMap((line) => {
      const script = /^npm (?:run )?(?!install|ci|pack|run|exec)([a-z][\w:-]*)/.exec(line)?.[1];
      if (script !== undefined && !(script in scripts)) return [`${file}: package.json has no script ${script} (${line})`];
      if (/^npx bellows/.test(line)) return [`${file}: npx asks the registry where bellows is not installed: npx --no-install (${line})`];
      const command = /^(?:npx --no-install )?bellows ([a-z]+)/.exec(line)?.[1];
      if (command !== undefined && known && !known.has(command)) return [`${file}: bellows has no command ${command} (${line})`];
      return [];
    }),
  );
}

function documents(files) {
  return files.filter((file) => file.endsWith('.md'));
}

function commandLines(text) {
  return [...text.matchAll(FENCE)].flatMap(([, block]) => block.split('\n').map((line) => line.replace(/^\$ /, '').trim()));
}

function withoutCode(text) {
  return text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
}
