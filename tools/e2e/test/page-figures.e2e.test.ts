import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from '@jest/globals';
import { withBrowser } from './page-browser.js';
import { cleanEnv, follow, REPOSITORY } from './running-host.js';
import { tempFolder } from './temp-folder.js';

interface Figure {
  readonly name: string;
  readonly values: readonly number[];
}

withBrowser('the figures of the page', () => {
  it('are what a browser measured: weight, requests, cold start, frames under events, memory', async () => {
    const file = path.join(tempFolder('bellows-page-figures'), 'figures.json');
    const bench = path.join(REPOSITORY, 'tools/bench/bench.mjs');
    const env = cleanEnv(process.env.BELLOWS_CHROMIUM === undefined ? {} : { BELLOWS_CHROMIUM: process.env.BELLOWS_CHROMIUM });
    const { code, stderr } = await follow(spawn(process.execPath, [bench, 'page', '--quick', '--json', file], { env })).exit;
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^page: /)]);
    const { figures } = JSON.parse(readFileSync(file, 'utf8')) as { figures: readonly Figure[] };
    const of = (name: string) => figures.find((figure) => figure.name === name)?.values ?? [];
    const [plain = 0] = of('page: all of it, as it is');
    const [brotli = 0] = of('page: all of it, brotli');
    expect(brotli).toBeGreaterThan(10);
    expect(brotli).toBeLessThan(plain / 2);
    expect(of('page: requests to first live data')).toEqual([9, 9]);
    expect(of('page: cold start to first live data')).toHaveLength(2);
    const [frames = 0] = of('page, 100 events a second: frames per second');
    expect(frames).toBeGreaterThan(1);
    expect(of('page, 100 events a second: memory grown')).toHaveLength(1);
  });
});
