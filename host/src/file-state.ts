import { stat } from 'node:fs/promises';
import { messageOf } from '@bellows/sdk';

/** Another text whenever a file was written anew or exchanged, as editors do; why there is none where it cannot be read. */
export async function fileState(file: string): Promise<string> {
  try {
    const { mtimeMs, ctimeMs, size, ino } = await stat(file);
    return [mtimeMs, ctimeMs, size, ino].join(' ');
  } catch (error) {
    return messageOf(error);
  }
}

/** Whether a state is that of a file without a byte, or of none that can be looked at. */
export function isHollow(state: string): boolean {
  const size = /^\S+ \S+ (\d+) \d+$/.exec(state)?.[1];
  return size === undefined || size === '0';
}
