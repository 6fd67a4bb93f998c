import { definePlugin, z } from '@bellows/sdk';
import { expect, it } from '@jest/globals';
import { launchTestHost } from '../src/testing/launch-test-host.js';
import { FakeSubsystem } from './governor/governed.js';

it('has the subsystems of a plugin as soon as it is up again, before the next reading', async () => {
  const plugin = definePlugin({
    id: 'pool',
    config: z.strictObject({}),
    activate: (ctx) => ctx.registerSubsystem(new FakeSubsystem('pool.work')),
  });
  const { wired, stop } = await launchTestHost({ plugins: [plugin] });
  try {
    const names = () => wired.view.status().subsystems.map(({ name }) => name);
    expect(names()).toEqual(['pool.work']);
    await wired.reloader.restart('pool');
    expect(names()).toEqual(['pool.work']);
  } finally {
    await stop();
  }
});
