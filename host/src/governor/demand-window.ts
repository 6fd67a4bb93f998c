/** The highest demand of the last `windowMs`. Keeps only samples that can still become the highest: few, whatever the window. */
export class DemandWindow {
  #windowMs: number;
  readonly #samples: { readonly at: number; readonly demand: number }[] = [];

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** From the next sample on. */
  setWindow(windowMs: number): void {
    this.#windowMs = windowMs;
  }

  /** `nowMs` never goes back. Answers the highest demand including this one. */
  update(nowMs: number, demand: number): number {
    while (this.#samples.length > 0 && (this.#samples[0]?.at ?? 0) <= nowMs - this.#windowMs) this.#samples.shift();
    while (this.#samples.length > 0 && (this.#samples.at(-1)?.demand ?? 0) <= demand) this.#samples.pop();
    this.#samples.push({ at: nowMs, demand });
    return this.#samples[0]?.demand ?? demand;
  }
}
