import { stat } from 'node:fs/promises';

/**
 * Another text whenever a file was written anew or exchanged, as editors do. One that is empty or away, or is no file, such as a pipe, holds
 * nothing: that is always the same text.
 */
export async function fileState(file: string): Promise<string> {
  try {
    const found = await stat(file);
    const { mtimeMs, ctimeMs, size, ino } = found;
    return found.isFile() && size > 0 ? [mtimeMs, ctimeMs, size, ino].join(' ') : NOTHING;
  } catch {
    return NOTHING;
  }
}

/** Whether a state is that of a file which holds nothing. */
export function isHollow(state: string): boolean {
  return state === NOTHING;
}

const NOTHING = 'nothing';
