import { InputError, optionProblems, problemText } from '@bellows/sdk';

/** `InputError` (`TEST_OPTIONS_INVALID`) for options of unknown names: ignored, a test would look as if it had checked something. */
export function demandTestOptions(call: string, options: object, known: readonly string[]): void {
  const details = optionProblems(options, known, 'options');
  if (details.length > 0) throw testOptionsError(call, problemText(details));
}

export function testOptionsError(call: string, problem: string): InputError {
  return new InputError('TEST_OPTIONS_INVALID', `${call} was called in a way that cannot be meant: ${problem}`, { phase: 'test' });
}
