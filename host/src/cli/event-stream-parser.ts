export interface StreamedEvent {
  readonly event: string;
  readonly data: string;
}

/** Of one event; a host sends far less. */
const MAX_EVENT_LENGTH = 4 * 1024 * 1024;

/** Server-sent events from pieces of text, however they are cut. An event that grows without end is given up. */
export class EventStreamParser {
  #line = '';
  #event = '';
  #data: string[] = [];
  #length = 0;

  push(chunk: string): readonly StreamedEvent[] {
    const lines = (this.#line + chunk).split(/\r\n|\n|\r(?!$)/);
    this.#line = lines.pop() ?? '';
    const events = lines.flatMap((line) => this.#take(line));
    if (this.#line.length > MAX_EVENT_LENGTH) this.#line = '';
    return events;
  }

  #take(line: string): StreamedEvent[] {
    if (line === '') return this.#end();
    const [, field = '', value = ''] = /^([^:]*):? ?([\s\S]*)$/.exec(line) ?? [];
    if (field === 'event') this.#event = value;
    if (field === 'data') {
      this.#length += value.length;
      if (this.#length <= MAX_EVENT_LENGTH) this.#data.push(value);
    }
    return [];
  }

  #end(): StreamedEvent[] {
    const isWhole = this.#data.length > 0 && this.#length <= MAX_EVENT_LENGTH;
    const ended = isWhole ? [{ event: this.#event || 'message', data: this.#data.join('\n') }] : [];
    this.#event = '';
    this.#data = [];
    this.#length = 0;
    return ended;
  }
}
