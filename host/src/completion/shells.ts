import { bashAnswer, bashScript, parseBashLine } from './bash.js';
import type { CompletionRequest, Completions } from './complete.js';
import { fishAnswer, fishScript } from './fish.js';
import { zshAnswer, zshScript } from './zsh.js';

export type ShellName = 'bash' | 'zsh' | 'fish';

interface Shell {
  /** `given` is what the script hands over. */
  read(given: readonly string[]): { readonly request: CompletionRequest; answer(completions: Completions): string };
  /** `own`: how to start this program, as an argument vector. */
  script(own: readonly string[]): string;
}

export const SHELLS: Readonly<Record<ShellName, Shell>> = {
  bash: {
    read: ([line = '', breaks = '']) => {
      const request = parseBashLine(line, breaks);
      return { request, answer: (completions) => bashAnswer(completions, request) };
    },
    script: (own) => bashScript(posixRun(own)),
  },
  zsh: {
    read: (given) => ({ request: lastIsCurrent(given), answer: zshAnswer }),
    script: (own) => zshScript(posixRun(own)),
  },
  fish: {
    read: (given) => ({ request: lastIsCurrent(given), answer: fishAnswer }),
    script: (own) => fishScript(fishRun(own)),
  },
};

/** The shell has split and unquoted; only a quote that is not closed yet is still there. */
function lastIsCurrent(given: readonly string[]): CompletionRequest {
  return { words: given.slice(0, -1), current: (given.at(-1) ?? '').replace(/^["']/, '') };
}

/** This very program while it is there, else the one of the PATH: a clone has none there, and an update may move this one. */
function posixRun(own: readonly string[]): string {
  const [program = '', file = ''] = own.map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  return `if [ -x ${program} ] && [ -f ${file} ]; then ${program} ${file} "$@"; else command bellows "$@"; fi`;
}

function fishRun(own: readonly string[]): string {
  const [program = '', file = ''] = own.map((word) => `'${word.replace(/[\\']/g, '\\$&')}'`);
  return `if test -x ${program}; and test -f ${file}; ${program} ${file} $argv; else; command bellows $argv; end`;
}
