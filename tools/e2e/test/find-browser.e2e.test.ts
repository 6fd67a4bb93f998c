import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { findBrowser } from '../../find-browser.mjs';
import { tempFolder } from './temp-folder.js';

describe('the browser for the tests', () => {
  it('is the one that is named, else one on the path that can be executed', () => {
    const folder = tempFolder();
    const file = path.join(folder, 'chromium');
    writeFileSync(file, '#!/bin/sh\n');
    chmodSync(file, 0o644);
    expect(findBrowser({ PATH: folder })).not.toBe(file);
    chmodSync(file, 0o755);
    expect(findBrowser({ PATH: `${folder}${path.delimiter}/bin` })).toBe(file);
    expect(findBrowser({ PATH: folder, BELLOWS_CHROMIUM: '/my/own' })).toBe('/my/own');
    expect(findBrowser({ PATH: folder, BELLOWS_CHROMIUM: '' })).toBe(file);
  });
});
