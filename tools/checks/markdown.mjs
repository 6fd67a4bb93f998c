/** A table; cells may hold anything, bars and line breaks included. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

export function code(value) {
  return value === undefined || value === '' ? '' : `\`${value}\``;
}

function cell(value) {
  return String(value ?? '')
    .replaceAll('|', '\\|')
    .replace(/\s*\n\s*/g, ' ');
}
