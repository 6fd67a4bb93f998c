import type { IRandom } from '@bellows/sdk';

/** 32 hexadecimal digits as in `traceparent`. */
export function newTraceId(random: IRandom): string {
  let id = '';
  while (id.length < 32)
    id += Math.floor(random.next() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  return id;
}
