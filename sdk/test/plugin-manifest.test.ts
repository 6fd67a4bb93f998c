import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { parseManifest, SDK_VERSION, sdkRangeProblem } from '../src/plugin-manifest.js';

const valid = { id: 'my-plugin', version: '1.2.3', sdk: '^0.1.0' };

it('knows the version of its own package', async () => {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  expect(SDK_VERSION).toBe(JSON.parse(text).version);
});

describe('parseManifest', () => {
  it('fills in what may be left out', () => {
    expect(parseManifest(valid)).toEqual({ manifest: { ...valid, needs: [], stability: 'experimental' } });
  });

  it('takes everything that is known', () => {
    const manifest = { ...valid, version: '1.0.0-beta.1', needs: ['compute'], stability: 'stable' };
    expect(parseManifest(manifest)).toEqual({ manifest });
  });

  it('names every problem at once, with its place', () => {
    const result = parseManifest({ id: 'My Plugin', version: 'v1', sdk: 'latest!', needs: ['compute', 1], stability: 'done', depends: [] });
    expect('problems' in result && result.problems.map(({ path }) => path).toSorted()).toEqual([
      'depends',
      'id',
      'needs.1',
      'sdk',
      'stability',
      'version',
    ]);
  });

  it.each([null, undefined, 1, 'text', []])('refuses %j, which is no object', (json) => {
    const result = parseManifest(json);
    expect('problems' in result && result.problems).toMatchObject([{ path: '' }]);
  });

  it('refuses a plugin that needs itself', () => {
    expect(parseManifest({ ...valid, needs: ['my-plugin'] })).toMatchObject({ problems: [{ path: 'needs' }] });
  });

  it.each(['1.0', '=1.0.0', ' 1.0.0', '1.0.0+', 1])('refuses the version %j', (version) => {
    expect(parseManifest({ ...valid, version })).toMatchObject({ problems: [{ path: 'version' }] });
  });
});

describe('sdkRangeProblem', () => {
  it.each(['^0.1.0', '~0.1.0', '0.1.0', '0.1.x', '>=0.1.0 <0.3.0', '<=0.1.0', '^0.1.0 || ^0.2.0', '0.0.1 - 0.2.0'])(
    'accepts %s for 0.1.0',
    (range) => {
      expect(sdkRangeProblem(range, '0.1.0')).toBeNull();
    },
  );

  it.each(['*', 'x', 'X', '', '>=0.1.0', '>0.0.1', '^0.1.0 || >=1', '^0.1.0 || *'])('refuses %j as too open although it fits', (range) => {
    expect(sdkRangeProblem(range, '0.1.0')).toMatchObject({ code: 'PLUGIN_SDK_RANGE_OPEN', message: expect.stringContaining('^0.1.0') });
  });

  it('says which side is too old', () => {
    expect(sdkRangeProblem('^0.2.0', '0.1.0')).toMatchObject({ code: 'PLUGIN_SDK_RANGE', message: expect.stringContaining('newer host') });
    expect(sdkRangeProblem('^0.1.0', '0.2.0')).toMatchObject({
      code: 'PLUGIN_SDK_RANGE',
      message: expect.stringContaining('newer version of the plugin'),
    });
  });

  it('refuses what is no range', () => {
    expect(sdkRangeProblem('latest', '0.1.0')).toMatchObject({ code: 'PLUGIN_SDK_RANGE', message: expect.stringContaining('"latest"') });
  });

  it('lets a prerelease of a fitting SDK in', () => {
    expect(sdkRangeProblem('^0.1.0', '0.1.1-rc.1')).toBeNull();
  });
});
