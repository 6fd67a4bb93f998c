const ANY_LINES = Symbol('any lines');

/**
 * Compares what a document shows with what was printed; blank lines and the width of columns do not count. Answers what is wrong, or nothing.
 * `…` inside of a line stands for anything, `…` alone on a line for any number of lines.
 */
export function differenceOf(shown, printed) {
  const parts = partsOf(linesOf(shown));
  const lines = linesOf(printed);
  let at = 0;
  for (const [index, part] of parts.entries()) {
    if (part === ANY_LINES) continue;
    const floats = parts[index - 1] === ANY_LINES;
    const ends = index === parts.length - 1;
    const last = lines.length - part.length;
    const found = floats
      ? (ends ? [last] : range(at, last)).find((start) => start >= at && fits(part, lines, start))
      : fits(part, lines, at)
        ? at
        : undefined;
    if (found === undefined) return nearest(part, lines, floats ? undefined : at);
    at = found + part.length;
  }
  const open = parts.at(-1) === ANY_LINES || at === lines.length;
  return open ? undefined : `this was printed, too: ${lines[at]}`;
}

function partsOf(lines) {
  const parts = [];
  for (const line of lines) {
    if (line.trim() === '…') parts.push(ANY_LINES);
    else if (Array.isArray(parts.at(-1))) parts.at(-1).push(line);
    else parts.push([line]);
  }
  return parts;
}

function fits(part, lines, start) {
  return part.every((line, index) => lines[start + index] !== undefined && patternOf(line).test(lines[start + index]));
}

/** The first line that has no equal: a reader of the failure wants to see that one, and what stood in its place. */
function nearest(part, lines, at) {
  const line =
    part.find((text, index) =>
      at === undefined ? !lines.some((other) => patternOf(text).test(other)) : !fits([text], lines, at + index),
    ) ?? part[0];
  const instead = at === undefined ? '' : ` but: ${lines[at + part.indexOf(line)] ?? '(nothing)'}`;
  return `this was not printed: ${line}${instead}`;
}

function patternOf(line) {
  const literal = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/ +/g, ' +');
  return new RegExp(`^${line.trim().split('…').map(literal).join('.*')}$`, 'u');
}

function linesOf(text) {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function range(from, to) {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}
