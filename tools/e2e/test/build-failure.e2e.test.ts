import { appendFileSync, existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { repositoryCopy } from './followed-clone.js';
import { runNode } from './repository-copy.js';

describe('npm start and npm run demo, when a plugin has a mistake', () => {
  it('show that mistake alone, and end with what does not build', () => {
    const clone = repositoryCopy();
    appendFileSync(path.join(clone, 'plugins/workflow/src/index.ts'), "\nexport const count: number = 'three';\n");
    for (const command of ['start', 'demo']) {
      const { status, output } = runNode(['tools/run.mjs', command], clone);
      expect([status, output]).toEqual([1, expect.stringContaining("Type 'string' is not assignable to type 'number'")]);
      expect(output).toMatch(/\n\nplugins\/workflow does not build \(see above\): nothing was started\.\n$/);
      expect(output).not.toMatch(/@bellows\/sdk:build|@bellows\/plugin-compute:build|Successfully|Run duration/);
      expect(output.split('\n').length).toBeLessThan(25);
    }
    expect(existsSync(path.join(clone, '.bellows'))).toBe(false);
  });
});
