/** One block of a stream of server-sent events. */
export interface StreamBlock {
  readonly event: string;
  readonly id: string;
  readonly data: string;
}

/** A block larger than this is left out: the page keeps nothing of that size, and must not grow with what a plugin publishes. */
export const MAX_BLOCK_CHARS = 1_000_000;

/**
 * Takes a stream of server-sent events apart, in whatever pieces it arrives. Comments are left out. What is not such a stream gives
 * no blocks, never an error, and is never kept beyond `MAX_BLOCK_CHARS`.
 */
export class SseParser {
  #rest = '';
  /** Inside of a block that is too large: until its end everything is left out. */
  #isSkipping = false;
  #tooLarge = 0;

  /** How many blocks were too large. */
  get tooLarge(): number {
    return this.#tooLarge;
  }

  push(chunk: string): StreamBlock[] {
    const texts = (this.#rest + chunk).split('\n\n');
    this.#rest = texts.pop() ?? '';
    const blocks: StreamBlock[] = [];
    for (const text of texts) {
      if (this.#isSkipping) this.#isSkipping = false;
      else if (text.length > MAX_BLOCK_CHARS) this.#tooLarge += 1;
      else {
        const block = parseBlock(text);
        if (block) blocks.push(block);
      }
    }
    this.#bound();
    return blocks;
  }

  #bound(): void {
    if (this.#rest.length <= MAX_BLOCK_CHARS) return;
    if (!this.#isSkipping) this.#tooLarge += 1;
    this.#isSkipping = true;
    // the first half of the end of the block may have come
    this.#rest = this.#rest.endsWith('\n') ? '\n' : '';
  }
}

function parseBlock(text: string): StreamBlock | undefined {
  let event = 'message';
  let id = '';
  let data: string | undefined;
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const value = line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    const field = line.slice(0, colon);
    if (field === 'event') event = value;
    else if (field === 'id') id = value;
    else if (field === 'data') data = data === undefined ? value : `${data}\n${value}`;
  }
  return data === undefined ? undefined : { event, id, data };
}
