import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { checkPlugin } from '@bellows/host/testing';
import { describe, expect, it } from '@jest/globals';
import { REPOSITORY, runBellows, startHost } from './running-host.js';
import { tempFolder } from './temp-folder.js';

/** Packed once from the first release; `make.mjs` beside them says how. */
const FIXTURES = path.join(REPOSITORY, 'tools/e2e/fixtures/first-sdk');
const SDK = path.join(FIXTURES, 'bellows-sdk-0.1.0.tgz');
const PLUGIN = path.join(FIXTURES, 'first-tally-1.0.0.tgz');

/** The plugin as its author has it: beside the SDK that it was built against. */
function installedPlugin(manifest: object = {}): string {
  const folder = path.join(tempFolder('bellows-first-sdk'), 'tally');
  unpack(PLUGIN, folder);
  unpack(SDK, path.join(folder, 'node_modules/@bellows/sdk'));
  const file = path.join(folder, 'plugin.json');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...manifest }));
  return folder;
}

function unpack(tarball: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', folder, '--strip-components', '1']);
}

describe('a plugin that was built against the first release of the SDK', () => {
  it.each([
    ['beside that SDK', () => installedPlugin()],
    ['as its tarball alone', () => PLUGIN],
  ])('works on this host, installed %s', async (_where, place) => {
    const host = await startHost({ config: { plugins: { tally: { from: place(), config: { most: 5 } } } } });
    expect((await host.call('tally.add', { name: 'a', by: 2 })).json).toEqual({ sum: 2, cached: false });
    expect((await host.call('tally.add', { name: 'a', by: 3 })).json).toEqual({ sum: 5, cached: true });
    const full = await host.call('tally.add', { name: 'a', by: 1 });
    expect([full.status, full.json.error.code]).toEqual([400, 'TALLY_FULL']);
    // an error of the host is known by its kind, and services are found: both cross from one copy of the SDK to the other
    expect((await host.call('tally.look', {})).json).toMatchObject({ unknownIs: true, sameBus: true });
    const { json } = await host.request('/v1/status');
    expect(json.subsystems.map(({ name }: { name: string }) => name)).toEqual(['tally.work']);
    expect((await host.stop()).code).toBe(0);
  });

  it('keeps the promises of a plugin that this kit checks', async () => {
    await checkPlugin({ from: installedPlugin() });
  });

  it.each([
    ['an SDK that is older than this one', '~0.0.9', 'rebuild it for this SDK'],
    ['an SDK that is newer', '^7.0.0', 'use a newer host'],
  ])('is refused with a reason when it says that it needs %s', async (_what, sdk, remedy) => {
    const folder = tempFolder('bellows-first-sdk-config');
    const config = path.join(folder, 'bellows.yaml');
    writeFileSync(config, JSON.stringify({ host: { dataDir: folder }, plugins: { tally: { from: installedPlugin({ sdk }) } } }));
    const { code, stdout, stderr } = await runBellows(['check', '--config', config]);
    expect(code).toBe(2);
    expect(`${stdout}${stderr}`).toContain('PLUGIN_SDK_RANGE');
    // lines are wrapped
    expect(`${stdout}${stderr}`.replace(/\s+/g, ' ')).toContain(remedy);
  });
});
