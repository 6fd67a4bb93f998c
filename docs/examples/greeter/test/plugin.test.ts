import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NotFoundError, type OperationCall } from '@bellows/sdk';
import { FakeClock, RecordingBus } from '@bellows/sdk/testing';
// Node runs this file as it is; what it tests is what was built.
import { config } from '../dist/config.js';
import { greetOperation } from '../dist/greet.js';
import plugin, { ERROR_CODES } from '../dist/index.js';
import { sdkOperation } from '../dist/sdk-identity.js';
import { shellOperation } from '../dist/shell.js';

const call = { signal: new AbortController().signal } as OperationCall;
const newBus = () => new RecordingBus({ clock: new FakeClock(), source: 'greeter' });

describe('greeter', () => {
  it('needs no configuration', () => {
    assert.deepEqual(plugin.config.parse({}), { salutation: 'Hello', maxNameLength: 100 });
  });

  it('refuses an option it does not know', () => {
    assert.equal(plugin.config.safeParse({ salutatoin: 'Hi' }).success, false);
  });

  it('greets by name with the configured salutation and publishes the greeting', async () => {
    const bus = newBus();
    const greet = greetOperation(config.parse({ salutation: 'Good day' }), bus);
    assert.deepEqual(await greet.handler({ name: 'Ada' }, call), { greeting: 'Good day, Ada!' });
    assert.deepEqual(
      bus.of('greeter.greeted').map(({ source, payload }) => [source, payload]),
      [['greeter', { name: 'Ada', greeting: 'Good day, Ada!' }]],
    );
  });

  it('refuses a name that is too long and says which option decides', async () => {
    const greet = greetOperation(config.parse({ maxNameLength: 3 }), newBus());
    await assert.rejects(async () => greet.handler({ name: 'Grace' }, call), {
      code: 'NAME_TOO_LONG',
      kind: ERROR_CODES.NAME_TOO_LONG.kind,
      message: /plugins\.greeter\.config\.maxNameLength/,
    });
  });

  it('sees an error of its own SDK copy as the same class', async () => {
    const operation = sdkOperation({ call: () => Promise.reject(new NotFoundError('OPERATION_UNKNOWN', 'no such operation')) });
    const { module: _module, ...seen } = await operation.handler({ operation: 'a.b', input: {} }, call);
    assert.deepEqual(seen, { code: 'OPERATION_UNKNOWN', sameBrand: true, sameClass: true });
  });

  it('sees an error of another SDK copy by its brand only', async () => {
    const foreign = Object.assign(new Error('from elsewhere'), { [Symbol.for('bellows/error')]: 1, code: 'X', kind: 'input' });
    const operation = sdkOperation({ call: () => Promise.reject(foreign) });
    const { module: _module, ...seen } = await operation.handler({ operation: 'a.b', input: {} }, call);
    assert.deepEqual(seen, { code: 'X', sameBrand: true, sameClass: false });
  });

  it('marks the operation that runs a command and runs exactly that command', async () => {
    const shell = shellOperation();
    assert.equal(shell.runsCommands, true);
    assert.deepEqual(await shell.handler({}, call), { version: process.version });
  });

  it('provides its three operations when it is activated', async () => {
    const names: string[] = [];
    const ctx = {
      config: config.parse({}),
      bus: newBus(),
      operations: { provide: (definition: { name: string }) => names.push(definition.name) },
      logger: { info() {} },
    };
    await plugin.activate(ctx as never);
    assert.deepEqual(names, ['greeter.greet', 'greeter.sdk', 'greeter.shell']);
  });
});
