import { describe } from '@jest/globals';
import { stepsOf } from '../../documents/blocks.mjs';
import { documentText } from './document-blocks.js';
import { followInOrder, readerIn } from './followed-documents.js';
import { HOST_MAIN } from './running-host.js';
import { tempFolder } from './temp-folder.js';

const PAGE = 'docs/how-to/let-others-in.md';

describe(PAGE, () => followInOrder(stepsOf(documentText(PAGE)), () => readerIn(tempFolder('bellows-others'), HOST_MAIN)));
