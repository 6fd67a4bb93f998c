import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Every public type of the SDK as it is published, so that a change which breaks a plugin shows in a diff. */
export function sdkPage(root) {
  const sdk = path.join(root, 'sdk');
  const { name, exports } = JSON.parse(readFileSync(path.join(sdk, 'package.json'), 'utf8'));
  const seen = new Set();
  const sections = Object.entries(exports).flatMap(([entry, target]) => {
    if (typeof target === 'string') return [];
    const files = reachedFrom(path.join(sdk, target.types), seen);
    const shown = files.map((file) => `// ${path.relative(path.join(sdk, 'dist'), file).replace(/\.d\.ts$/, '')}\n${declarationsOf(file)}`);
    return [`## \`${path.posix.join(name, entry)}\`\n\n\`\`\`ts\n${shown.join('\n\n')}\n\`\`\`\n`];
  });
  return new Map([
    [
      'sdk.md',
      `# The public types of the SDK\n\nWhat a plugin is compiled against, with what each part promises and demands, as your editor shows it. What stays compatible: [the promise to authors](../explanation/compatibility.md).\n\n${sections.join('\n')}`,
    ],
  ]);
}

/** The file and what it names by relative paths, each once, in the order of the names. */
function reachedFrom(entry, seen) {
  const found = [];
  const visit = (file) => {
    if (seen.has(file)) return;
    seen.add(file);
    if (!existsSync(file)) throw new Error(`${file} does not exist: npm run nx -- build @bellows/sdk`);
    found.push(file);
    for (const [, target] of readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*'(\.[^']+)\.js'/g)) {
      visit(path.resolve(path.dirname(file), `${target}.d.ts`));
    }
  };
  visit(entry);
  return found.sort();
}

function declarationsOf(file) {
  return (
    readFileSync(file, 'utf8')
      // of what is private nothing is shown but its words
      .replace(/\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*(?=#private;)/g, '')
      .split('\n')
      .filter((line) => line.trim() !== '' && !/^\s*(\/\/|#private;|import )/.test(line))
      .join('\n')
  );
}
