import { parseManifest, SDK_VERSION, sdkRangeProblem } from '@bellows/sdk';
import fc from 'fast-check';
import { hostileJson, hostileText, mutated } from '../hostile-values.mjs';

const GOOD = { id: 'sample', version: '1.2.3', sdk: '^0.1.0', needs: ['compute'], stability: 'stable' };
const comparator = fc.tuple(
  fc.constantFrom('', '^', '~', '>=', '<', '<=', '=', '*', 'x'),
  fc.constantFrom('', '0.1.0', '1', '1.x', '9'.repeat(300), 'a.b'),
);
const range = fc.oneof(
  fc
    .array(
      comparator.map(([sign, version]) => sign + version),
      { maxLength: 6 },
    )
    .map((parts) => parts.join(' ')),
  fc
    .array(
      comparator.map(([sign, version]) => sign + version),
      { maxLength: 6 },
    )
    .map((parts) => parts.join('||')),
  hostileText,
);

/** plugin.json, and the range in it. */
export const manifests = {
  async open() {
    const check = async ([json, text]) => {
      const problem = sdkRangeProblem(text, SDK_VERSION);
      if (problem !== null && problem.message.trim() === '') throw new Error('a range is refused without a word');
      const result = parseManifest(json);
      if ('manifest' in result) return 'valid';
      if (result.problems.length === 0) throw new Error('refused without a problem');
      for (const { message } of result.problems) if (message.trim() === '') throw new Error('a problem without a message');
      return 'refused';
    };
    return { arbitrary: fc.tuple(fc.oneof({ weight: 3, arbitrary: mutated(fc.constant(GOOD)) }, hostileJson), range), check };
  },
};
