// What a document marks behind the language of a fence. Code hosts read the first word only, so marks do not change how it looks.
//
//   ```bash run                                   a command, tried as written, in the folder where the reader is
//   ```bash run repeat                            the same, again and again until it shows what the document shows
//   ```bash run beside                            its processes in the background (`&`) go on beside what follows
//   ```bash run background until="is ready"       the same in a first terminal; it stays until the end, or until the next such block
//   ```yaml file=flows/order.yaml                 a file that the reader saves there
//   ```text                                       behind a `run`: all that is printed. `…` stands for what varies; alone on a line, for any lines
//   <!-- not run: why -->                         the line above a block that nothing can try

const FENCE = /^```([^\n]*)\n([\s\S]*?)^```$/gm;
const MARK = /(\w+)(?:=(?:"([^"]*)"|(\S+)))?/g;
const NOT_RUN = /<!-- not run: (\S[^\n]*?) -->\n$/;
/** First line of each page that `npm run generate` makes. */
export const GENERATED_MARK = '<!-- Made by `npm run generate` from the built packages. Change the source, not this file. -->\n\n';

/** @returns {import('./blocks.mjs').Block[]} */
export function blocksOf(markdown) {
  const isGenerated = markdown.startsWith(GENERATED_MARK);
  return [...markdown.matchAll(FENCE)].map(({ 0: whole, 1: info, 2: text, index }) => {
    const before = markdown.slice(0, index);
    const [language = '', ...rest] = info.trim().split(/ (.*)/s);
    const marks = Object.fromEntries([...(rest[0] ?? '').matchAll(MARK)].map(([, name, quoted, plain]) => [name, quoted ?? plain ?? true]));
    const section = before.match(/^#.*$/gm)?.length ?? 0;
    return {
      language,
      marks,
      text,
      section,
      isGenerated,
      line: before.split('\n').length,
      lines: whole.split('\n').length,
      reason: NOT_RUN.exec(before)?.[1],
    };
  });
}

/** What a reader does, in order: each `run` and `file` block, with the text that the next block of the same section says it prints. */
export function stepsOf(markdown) {
  const blocks = blocksOf(markdown);
  return blocks.flatMap((block, index) => {
    if (block.marks.run === undefined && block.marks.file === undefined) return [];
    const next = blocks[index + 1];
    const isShown = block.marks.run && next?.language === 'text' && next.marks.file === undefined && next.section === block.section;
    return [{ ...block, shows: isShown ? next.text : undefined }];
  });
}
