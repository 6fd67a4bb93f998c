import type { Completions } from './complete.js';

/** The first line says what to do, each further one is a value, a tab, and what the list shows. zsh quotes what it inserts. */
export function zshAnswer({ from, candidates }: Completions): string {
  const width = Math.max(0, ...candidates.map(({ value }) => value.length));
  const line = (value: string, description: string) => `${value}\t${description === '' ? value : `${value.padEnd(width)}  ${description}`}`;
  return [from, ...candidates.map(({ value, description }) => line(value, description))].join('\n');
}

export function zshScript(run: string): string {
  return `#compdef bellows
# Completion of bellows for zsh.
_bellows_run() {
  ${run}
}
_bellows() {
  local -a answer values shown
  local line
  answer=("\${(@f)$(_bellows_run __complete zsh -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null </dev/null)}")
  [[ $PREFIX == --*=* ]] && compset -P 1 '*='
  case $answer[1] in
    files) _files; return ;;
    folders) _files -/; return ;;
  esac
  for line in "\${(@)answer[2,-1]}"; do
    values+=("\${line%%$'\\t'*}")
    shown+=("\${line#*$'\\t'}")
  done
  (( $#values )) && compadd -l -d shown -a -- values
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _bellows "$@"
elif (( $+functions[compdef] )); then
  compdef _bellows bellows
else
  print -u2 'bellows: run "autoload -Uz compinit && compinit" before this line'
fi
`;
}
