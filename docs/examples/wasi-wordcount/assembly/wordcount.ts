import './abort';
import { fail, print, programArguments, readFile, writeFile } from './files';

const SHOWN_WORDS = 10;
const NEWLINE: u8 = 10;

/** A word and how often it was there. */
class Frequency {
  constructor(
    public word: string,
    public count: i32,
  ) {}
}

main();

function main(): void {
  const all = programArguments();
  if (all.length < 2) fail('usage: wordcount FILE [RESULT]');
  const report = reportOn(all[1], readFile(all[1]));
  print(report);
  writeFile(all.length > 2 ? all[2] : `${all[1]}.count.txt`, report);
}

/** Lines are newline characters, words are what stands between white space, as `wc` counts them. */
function reportOn(name: string, bytes: Uint8Array): string {
  let lines = 0;
  let words = 0;
  let insideWord = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === NEWLINE) lines++;
    const space = isSpace(byte);
    if (!space && !insideWord) words++;
    insideWord = !space;
  }
  let report = `${name}\nlines ${lines}\nwords ${words}\nbytes ${bytes.length}\n`;
  const frequent = frequencies(bytes);
  for (let at = 0; at < min(frequent.length, SHOWN_WORDS); at++) report += `${frequent[at].count} ${frequent[at].word}\n`;
  return report;
}

/** Runs of letters in lower case, the most frequent first, those equally frequent by the alphabet. */
function frequencies(bytes: Uint8Array): Frequency[] {
  const counts = new Map<string, i32>();
  let start = -1;
  for (let at = 0; at <= bytes.length; at++) {
    if (at < bytes.length && isLetter(bytes[at])) {
      if (start < 0) start = at;
    } else if (start >= 0) {
      const word = String.UTF8.decodeUnsafe(bytes.dataStart + start, at - start).toLowerCase();
      counts.set(word, counts.has(word) ? counts.get(word) + 1 : 1);
      start = -1;
    }
  }
  const words = counts.keys();
  const all: Frequency[] = [];
  for (let at = 0; at < words.length; at++) all.push(new Frequency(words[at], counts.get(words[at])));
  return all.sort((a, b) => (a.count !== b.count ? b.count - a.count : a.word < b.word ? -1 : 1));
}

function isSpace(byte: u8): bool {
  return byte === 32 || (byte >= 9 && byte <= 13);
}

function isLetter(byte: u8): bool {
  return (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122);
}
