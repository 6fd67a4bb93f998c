import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { stepsOf } from '../../documents/blocks.mjs';
import { allDocuments, documentText } from './document-blocks.js';
import { repositoryCopy } from './followed-clone.js';
import {
  AS_REFERENCE,
  BESIDE_OTHERS,
  ELSEWHERE,
  FIRST_IN_A_CLONE,
  followInOrder,
  followToTheEnd,
  IN_A_CLONE,
  LAST_IN_A_CLONE,
  MEANWHILE,
  readerIn,
} from './followed-documents.js';

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
  const arrive = () => readerIn(clone, path.join(clone, 'host/dist/main.js'));
  const stepsIn = (file: string) => stepsOf(documentText(file));

  describe.each(FIRST_IN_A_CLONE)('%s', (file) => followInOrder(stepsIn(file), arrive));

  describe(`beside ${BESIDE_OTHERS}`, () => {
    let outcome: Promise<unknown>;
    beforeAll(() => {
      outcome = followToTheEnd(stepsIn(BESIDE_OTHERS), arrive).catch((error: unknown) => error);
    });
    afterAll(() => outcome);

    describe.each(MEANWHILE)('%s', (file) => followInOrder(stepsIn(file), arrive));

    it('shows what it says', async () => {
      expect(await outcome).toBeUndefined();
    });
  });

  describe(LAST_IN_A_CLONE, () => followInOrder(stepsIn(LAST_IN_A_CLONE), arrive));
});
