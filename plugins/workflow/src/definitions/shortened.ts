/** Longer ones make messages and logs grow with what a stranger sends. */
const MAX_LENGTH = 140;

/** For sentences that this program, or a library, made of what the author of a definition wrote: they are read to their end. */
const MAX_SENTENCE_LENGTH = 1_000;

/** A text that somebody else chose, cut to a length that a message can carry. */
export function shortened(text: string): string {
  return cut(text, MAX_LENGTH);
}

/** A sentence about what the author of a definition wrote, cut only where it is none. */
export function sentence(text: string): string {
  return cut(text, MAX_SENTENCE_LENGTH);
}

function cut(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
}
