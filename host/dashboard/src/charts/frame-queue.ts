/** Draws what was asked for at the next frame, each thing once, however often it was asked. */
export class FrameQueue {
  readonly #requestFrame: (callback: () => void) => void;
  readonly #due = new Set<() => void>();
  #isRequested = false;

  constructor(requestFrame: (callback: () => void) => void) {
    this.#requestFrame = requestFrame;
  }

  add(draw: () => void): void {
    this.#due.add(draw);
    if (this.#isRequested) return;
    this.#isRequested = true;
    this.#requestFrame(() => this.#flush());
  }

  remove(draw: () => void): void {
    this.#due.delete(draw);
  }

  #flush(): void {
    this.#isRequested = false;
    const due = [...this.#due];
    this.#due.clear();
    for (const draw of due) draw();
  }
}
