/** What terminals take as commands: colours, titles, moves of the cursor. One that never ends reaches to the end of its line. */
const ESCAPES = new RegExp(
  [
    // CSI
    '(?:\\u001b\\[|\\u009b)[0-?]*[ -/]*[@-~]?',
    // OSC, DCS, SOS, PM, APC: text up to BEL or ST
    '(?:\\u001b[\\]PX^_]|[\\u009d\\u0090\\u0098\\u009e\\u009f])[^\\u0007\\u001b\\u009c\\n]*(?:\\u0007|\\u001b\\\\|\\u009c)?',
    // two characters
    '\\u001b[ -/]*[0-~]?',
  ].join('|'),
  'g',
);

/** Control characters but line end and tab; what turns the direction of writing, by which text can be made to look like other text. */
const UNPRINTABLE = /(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu;

/**
 * The end of `output` for people and logs, at most `maxBytes` of UTF-8: without what terminals take as commands, everything else
 * that is no text replaced by U+FFFD. A line that a program wrote over several times is several lines.
 */
export function printableTail(output: Uint8Array, maxBytes: number): string {
  const text = Buffer.from(withoutPartialCharacter(output))
    .toString('utf8')
    .replace(ESCAPES, '')
    .replace(/\r\n?/g, '\n')
    .replace(UNPRINTABLE, '\ufffd');
  const bytes = Buffer.from(text);
  return Buffer.from(withoutPartialCharacter(bytes.subarray(Math.max(0, bytes.length - maxBytes)))).toString('utf8');
}

/** A cut may have hit a character: it has at most three bytes after the first. */
function withoutPartialCharacter(bytes: Uint8Array): Uint8Array {
  let begin = 0;
  while (begin < 3 && ((bytes[begin] ?? 0) & 0xc0) === 0x80) begin += 1;
  return bytes.subarray(begin);
}
