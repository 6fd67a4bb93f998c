import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { stepsOf } from '../../documents/blocks.mjs';
import { allDocuments, documentText } from './document-blocks.js';
import { repositoryCopy } from './followed-clone.js';
import { AS_REFERENCE, ELSEWHERE, followInOrder, IN_A_CLONE, readerIn } from './followed-documents.js';

it('follows every document in which there is something to do', () => {
  const withSteps = allDocuments().filter((file) => stepsOf(documentText(file)).length > 0);
  expect([...IN_A_CLONE, ...AS_REFERENCE, ...ELSEWHERE].sort()).toEqual(withSteps);
});

// One clone for all of them, as one reader has: what the first document builds is there for the next one.
describe('in a clone', () => {
  let clone: string;
  beforeAll(() => {
    clone = repositoryCopy();
  });

  describe.each(IN_A_CLONE)('%s', (file) => {
    followInOrder(stepsOf(documentText(file)), () => readerIn(clone, path.join(clone, 'host/dist/main.js')));
  });
});
