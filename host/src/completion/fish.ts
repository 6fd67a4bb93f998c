import type { Completions } from './complete.js';

/** The first line says what to do, each further one is a word, a tab, and its description. fish quotes what it inserts. */
export function fishAnswer({ from, prefix, candidates }: Completions): string {
  return [from, ...candidates.map(({ value, description }) => `${prefix}${value}\t${description}`)].join('\n');
}

export function fishScript(run: string): string {
  return `# Completion of bellows for fish.
function __bellows_run
    ${run}
end
function __bellows_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l current (commandline -ct)
    set -l answer (__bellows_run __complete fish -- $words "$current" 2>/dev/null </dev/null)
    switch "$answer[1]"
        case files
            __fish_complete_path "$current"
        case folders
            __fish_complete_directories "$current"
        case '*'
            set -e answer[1]
            test (count $answer) -gt 0; and printf '%s\\n' $answer
    end
end
complete -c bellows -e
complete -c bellows -f -a '(__bellows_complete)'
`;
}
