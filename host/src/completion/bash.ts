import type { CompletionRequest, Completions } from './complete.js';

/** A line up to the cursor, split as bash does. Nothing in it is expanded or run. */
export interface BashLine extends CompletionRequest {
  /** Of the current word: what stands before the part that bash replaces. */
  readonly kept: string;
  /** The quote that is open at the cursor. */
  readonly quote: '' | '"' | "'";
}

/** `breaks` is COMP_WORDBREAKS: of a word with one of these, bash replaces only what follows the last. */
export function parseBashLine(line: string, breaks: string): BashLine {
  const words: string[] = [];
  let quote: BashLine['quote'] = '';
  let word: string | undefined;
  let kept = '';
  for (let at = 0; at < line.length; at += 1) {
    const character = line[at]!;
    const next = line[at + 1];
    if (quote === '' && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      kept = '';
      continue;
    }
    word ??= '';
    if (character === quote) quote = '';
    else if (quote === '' && (character === '"' || character === "'")) {
      quote = character;
      kept = word;
    } else if (character === '\\' && next !== undefined && isEscaped(next, quote)) {
      word += next;
      at += 1;
    } else {
      word += character;
      if (quote === '' && breaks.includes(character)) kept = word;
    }
  }
  return { words: words.slice(1), current: word ?? '', kept, quote };
}

function isEscaped(next: string, quote: BashLine['quote']): boolean {
  return quote === '' || (quote === '"' && '$`"\\\n'.includes(next));
}

/** The first line says what to do, each further one is a value as bash puts it into the line. */
export function bashAnswer({ from, prefix, candidates }: Completions, { kept, quote }: BashLine): string {
  const words = candidates.map(({ value }) => prefix + value).filter((word) => word.startsWith(kept));
  return [from, ...words.map((word) => quoted(word.slice(kept.length), quote)).filter((word) => word !== undefined)].join('\n');
}

/** Undefined where it cannot be written inside of the quote that is open. */
function quoted(text: string, quote: BashLine['quote']): string | undefined {
  if (quote === "'") return text.includes("'") ? undefined : text;
  // Bash looks for its history (!) inside of double quotes also where it is escaped.
  if (quote === '"') return text.includes('!') ? undefined : text.replace(/[$`"\\]/g, '\\$&');
  return text.replace(/[^\w./:=@%+,\u0080-\u{10ffff}-]/gu, '\\$&');
}

export function bashScript(run: string): string {
  return `# Completion of bellows for bash 4 and newer.
_bellows_run() {
  ${run}
}
_bellows() {
  local answer word
  COMPREPLY=()
  answer=$(_bellows_run __complete bash -- "\${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null </dev/null) || return 0
  case \${answer%%$'\\n'*} in
    files) compopt -o default 2>/dev/null ;;
    folders) compopt -o dirnames 2>/dev/null ;;
  esac
  [[ $answer == *$'\\n'* ]] || return 0
  while IFS= read -r word; do COMPREPLY+=("$word"); done <<<"\${answer#*$'\\n'}"
}
complete -F _bellows bellows
`;
}
