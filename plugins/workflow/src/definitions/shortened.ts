/** Longer ones make messages and logs grow with what a stranger sends. */
const MAX_LENGTH = 140;

/** A text that somebody else chose, cut to a length that a message can carry. */
export function shortened(text: string): string {
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}
