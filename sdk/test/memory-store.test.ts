import { it } from '@jest/globals';
import { MemoryStore } from '../src/memory-store.js';
import { checkStore } from '../src/testing/check-store.js';

it('keeps the promises of a store', async () => {
  await checkStore(() => new MemoryStore());
});
