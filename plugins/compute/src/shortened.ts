/** Longer ones make messages, logs and records grow with what a stranger sends. */
const MAX_LENGTH = 100;
/** More than a program not built for here imports from its own runtime. */
const MAX_NAMES = 100;

/** A text that somebody else chose, cut to a length that a message can carry. */
export function shortened(text: string): string {
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}

/** The first of many names, for a message; says how many more there are. */
export function firstOf(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  return names.slice(0, MAX_NAMES).map(shortened).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
