import { InvalidArgumentError, Option } from 'commander';

/** For options that may be given again. */
export function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (/^-?\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('It must be a whole number.');
}

export function countOfAtLeastOne(text: string): number {
  if (/^[1-9]\d{0,11}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number of at least 1.');
}

export function numberAboveZero(text: string): number {
  const value = Number(text);
  if (/^\d*\.?\d+$/.test(text) && value > 0) return value;
  throw new InvalidArgumentError('It must be a number above 0.');
}

/** For the commands that wait. */
export function timeoutOption(): Option {
  return new Option('--timeout <ms>', 'how long to wait at most, in milliseconds').argParser((text) => {
    if (/^\d{1,12}$/.test(text)) return Number(text);
    throw new InvalidArgumentError('It must be a whole number of milliseconds.');
  });
}
