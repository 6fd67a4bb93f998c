export interface StreamedEvent {
  readonly event: string;
  /** Empty where the event has none. */
  readonly id: string;
  readonly data: string;
}

/** Of one event; a host sends far less. */
const MAX_EVENT_LENGTH = 4 * 1024 * 1024;

/** Server-sent events from pieces of text, however they are cut. An event that grows without end is left out and counted. */
export class EventStreamParser {
  #line = '';
  #event = '';
  #id = '';
  #data: string[] = [];
  #length = 0;
  #isTooLarge = false;
  #tooLarge = 0;

  /** How many events were left out. */
  get tooLarge(): number {
    return this.#tooLarge;
  }

  push(chunk: string): readonly StreamedEvent[] {
    // A carriage return at the end may be half of a line break, unless it stands for a whole one.
    const lines = (this.#line + chunk).split(/\r\n|\n|\r(?!$)/);
    this.#line = lines.pop() ?? '';
    const events = lines.flatMap((line) => this.#take(line));
    if (this.#line.length > MAX_EVENT_LENGTH) {
      this.#isTooLarge = true;
      this.#line = '';
    }
    return events;
  }

  #take(line: string): StreamedEvent[] {
    if (line === '') return this.#end();
    if (this.#isTooLarge) return [];
    const [, field = '', value = ''] = /^([^:]*):? ?([\s\S]*)$/.exec(line) ?? [];
    if (field === 'event') this.#event = value;
    if (field === 'id') this.#id = value;
    if (field === 'data') {
      this.#length += value.length;
      if (this.#length <= MAX_EVENT_LENGTH) this.#data.push(value);
      else this.#isTooLarge = true;
    }
    return [];
  }

  #end(): StreamedEvent[] {
    if (this.#isTooLarge) this.#tooLarge += 1;
    const isWhole = this.#data.length > 0 && !this.#isTooLarge;
    const ended = isWhole ? [{ event: this.#event || 'message', id: this.#id, data: this.#data.join('\n') }] : [];
    this.#event = '';
    this.#id = '';
    this.#data = [];
    this.#length = 0;
    this.#isTooLarge = false;
    return ended;
  }
}
