/** A tokens file that changed and was not taken over. */
export interface TokensRefusal {
  /** ms since 1970. */
  readonly at: number;
  /** What is wrong with it. */
  readonly message: string;
}

/** Whether the tokens in force are those of the file. Written by whoever reads the file, read by all who show the host. */
export class TokensState {
  #refusal: TokensRefusal | undefined;

  /** Undefined while the file as it is holds, or where there is none. */
  get refusal(): TokensRefusal | undefined {
    return this.#refusal;
  }

  accepted(): void {
    this.#refusal = undefined;
  }

  refused(refusal: TokensRefusal): void {
    this.#refusal = refusal;
  }
}
