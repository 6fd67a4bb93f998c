import { Argument, type Command } from 'commander';
import type { AskNames } from '../completion/complete.js';
import type { ShellName } from '../completion/shells.js';
import type { CommandContext } from './command-context.js';

const SHELL_NAMES = ['bash', 'zsh', 'fish'] as const satisfies readonly ShellName[];
/** Somebody waits with a finger on the tab key. */
const HOST_MS = 300;

/** `bellows completion` prints what a shell loads; that calls the hidden `__complete`, which answers from the commands themselves. */
export function addCompletionCommand(program: Command, context: CommandContext): void {
  const { io } = context;
  program
    .command('completion')
    .description('print the script with which a shell completes commands, options and names of a running host')
    .addArgument(new Argument('<shell>', 'the shell that loads it').choices(SHELL_NAMES))
    .addHelpText(
      'after',
      `
It completes the command that is called bellows. In a clone make one, for example in ~/.bashrc:
  bellows() { node /path/to/the/clone/tools/bellows.mjs "$@"; }

Examples:
  echo 'eval "$(bellows completion bash)"' >> ~/.bashrc
  echo 'eval "$(bellows completion zsh)"' >> ~/.zshrc    (after compinit)
  bellows completion fish > ~/.config/fish/completions/bellows.fish`,
    )
    .action(async (shell: ShellName) => {
      const { SHELLS } = await import('../completion/shells.js');
      io.stdout.write(SHELLS[shell].script(io.self));
    });
  program
    .command('__complete', { hidden: true })
    .argument('<shell>')
    .argument('[words...]')
    .action(async (shell: string, words: readonly string[]) => {
      // Whatever goes wrong, the line somebody is typing must stay as it is.
      const answer = await answerFor(program, context, { shell, words }).catch(() => '');
      if (answer !== '') io.stdout.write(`${answer}\n`);
    });
}

async function answerFor(
  program: Command,
  context: CommandContext,
  { shell, words }: { readonly shell: string; readonly words: readonly string[] },
): Promise<string> {
  const [{ SHELLS }, { complete }] = await Promise.all([import('../completion/shells.js'), import('../completion/complete.js')]);
  if (!Object.hasOwn(SHELLS, shell)) return '';
  const { request, answer } = SHELLS[shell as ShellName].read(words);
  const signal = AbortSignal.any([context.io.signal, AbortSignal.timeout(HOST_MS)]);
  const ask: AskNames = async (by, before) => {
    const { liveNames } = await import('../completion/live-names.js');
    return liveNames(await context.connect(program, signal), by, before);
  };
  return answer(await complete(program, request, (by, before) => ask(by, before).catch(() => [])));
}
