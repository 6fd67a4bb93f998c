import { optionProblems, problemText } from './known-options.js';

/** Throws where {@link optionProblems} finds something. */
export function demandOptionNames(given: unknown, { known, path = 'options', fault }: OptionsDemand): void {
  const problems = optionProblems(given, known, path);
  if (problems.length > 0) throw fault(problemText(problems));
}

interface OptionsDemand {
  readonly known: readonly string[];
  /** What the options are called. Default `options`. */
  readonly path?: string;
  /** The error for what is wrong with them, in one sentence. */
  fault(text: string): Error;
}
