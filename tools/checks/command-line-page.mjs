import { spawnSync } from 'node:child_process';
import { HOST_MAIN } from '../with-host.mjs';

/** The help text of every command, as the command line itself prints it. */
export async function commandLinePage() {
  const sections = [];
  const visit = (command) => {
    const text = help(command);
    if (command.length > 0) sections.push(`## \`bellows ${command.join(' ')}\`\n\n\`\`\`text\n${text}\n\`\`\`\n`);
    for (const name of subcommands(text)) visit([...command, name]);
    return text;
  };
  const overview = visit([]);
  return new Map([
    [
      'cli.md',
      `# Command line

In a clone: \`npx --no-install bellows …\`. From any other folder: \`node <clone>/tools/bellows.mjs …\`. The packages are on no registry yet;
[Run it outside of a clone](../how-to/install-outside-a-clone.md) says how to pack and install them, and then it is \`npx --no-install bellows …\` there, too.
\`--no-install\` because npx else asks the registry where no \`bellows\` is installed, and a package of that name there would not be ours. The texts
below say just \`bellows\`.

The host is found by \`--url\`, then \`BELLOWS_URL\`, then \`<dataDir>/host.json\`.

| exit code | meaning |
|---|---|
| 0 | it worked |
| 1 | the operation failed |
| 2 | the command line or the configuration is wrong |
| 3 | no host answers |
| 4 | refused, or no room |
| 5 | the deadline has passed |
| 130 | interrupted |

\`\`\`text
${overview}
\`\`\`

${sections.join('\n')}`,
    ],
  ]);
}

function help(command) {
  const env = { ...process.env, NO_COLOR: '1', COLUMNS: '100' };
  const { status, stdout, stderr } = spawnSync(process.execPath, [HOST_MAIN, ...command, '--help'], { encoding: 'utf8', env });
  if (status !== 0) throw new Error(`bellows ${command.join(' ')} --help ended with ${status}: ${stderr}`);
  return stdout.trimEnd();
}

/** Names under "Commands:" of commander's help. */
function subcommands(text) {
  const list = /^Commands:\n((?: {2}.*\n?)+)/m.exec(`${text}\n`)?.[1] ?? '';
  return [...list.matchAll(/^ {2}([a-z][\w-]*)/gm)].map(([, name]) => name).filter((name) => name !== 'help');
}
