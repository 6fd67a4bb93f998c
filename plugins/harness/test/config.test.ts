import { describe, expect, it } from '@jest/globals';
import { harnessConfigSchema } from '../src/config.js';

describe('the options of harness', () => {
  it('are all valid by default', () => {
    expect(harnessConfigSchema.safeParse({}).success).toBe(true);
  });
});
