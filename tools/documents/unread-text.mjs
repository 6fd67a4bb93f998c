const FENCE_HINT = 'a fence must be ``` at the beginning of its line, closed by ``` alone';
/** Backticks or tildes, also in quotes, lists and deep inside of them. */
const LIKE_A_FENCE = /^[\s>]*(?:(?:[-*+]|\d+[.)])\s+)*[\s>]*(?:`{3,}|~{3,})/;
const INDENTED = /^(?: {4}|\t)/;
const HTML_CODE = /<(?:pre|code|samp|kbd|script|style|textarea)\b/i;
const INLINE_CODE = /(`+)(?!`).*?[^`]\1(?!`)/g;

/**
 * Lines that code hosts show as code, and that `blocksOf` does not read as a block, or reads as another one; and blocks that nobody sees.
 *
 * @returns {{ line: number, fault: string }[]}
 */
export function unreadText(markdown) {
  const found = [];
  let opened;
  let before = '';
  for (const [index, line] of markdown.split('\n').entries()) {
    const add = (fault) => found.push({ line: index + 1, fault });
    if (opened !== undefined) {
      if (line === '```') opened = undefined;
      else if (line.startsWith('```') || /^ {0,3}`{3,}\s*$/.test(line)) add(FENCE_HINT);
    } else if (/^```(?!`)[^`\r]*$/.test(line)) opened = index + 1;
    else if (LIKE_A_FENCE.test(line)) add(FENCE_HINT);
    else for (const fault of proseFaults(line, before)) add(fault);
    before = line;
  }
  if (opened !== undefined) found.push({ line: opened, fault: FENCE_HINT });
  return found;
}

function proseFaults(line, before) {
  const text = line.replace(INLINE_CODE, '');
  const faults = [];
  if (INDENTED.test(line) && before.trim() === '' && line.trim() !== '') faults.push('code by indentation is not read: use a fence');
  if (HTML_CODE.test(text)) faults.push('code in HTML is not read: use a fence');
  if (text.lastIndexOf('<!--') > text.lastIndexOf('-->')) faults.push('a comment must end on its line: what it hides would be followed');
  return faults;
}
