import { describe, expect, it } from '@jest/globals';
import { workflowConfigSchema } from '../src/config.js';

describe('the options of workflow', () => {
  it('are all valid by default', () => {
    expect(workflowConfigSchema.safeParse({}).success).toBe(true);
  });
});
