import { InputError, NotFoundError, type OperationCall } from '@bellows/sdk';
import { FakeClock, RecordingBus } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { config } from '../src/config.js';
import { greetOperation } from '../src/greet.js';
import plugin from '../src/index.js';
import { sdkOperation } from '../src/sdk-identity.js';
import { shellOperation } from '../src/shell.js';

const call = { signal: new AbortController().signal } as OperationCall;
const newBus = () => new RecordingBus({ clock: new FakeClock(), source: 'greeter' });

describe('greeter', () => {
  it('needs no configuration', () => {
    expect(plugin.config.parse({})).toEqual({ salutation: 'Hello', maxNameLength: 100 });
  });

  it('refuses an option it does not know', () => {
    expect(plugin.config.safeParse({ salutatoin: 'Hi' }).success).toBe(false);
  });

  it('greets by name with the configured salutation and publishes the greeting', async () => {
    const bus = newBus();
    const greet = greetOperation(config.parse({ salutation: 'Good day' }), bus);
    await expect(greet.handler({ name: 'Ada' }, call)).resolves.toEqual({ greeting: 'Good day, Ada!' });
    expect(bus.of('greeter.greeted').map(({ source, payload }) => [source, payload])).toEqual([
      ['greeter', { name: 'Ada', greeting: 'Good day, Ada!' }],
    ]);
  });

  it('refuses a name that is too long and says which option decides', async () => {
    const greet = greetOperation(config.parse({ maxNameLength: 3 }), newBus());
    await expect(greet.handler({ name: 'Grace' }, call)).rejects.toMatchObject({
      code: 'NAME_TOO_LONG',
      kind: 'input',
      message: expect.stringContaining('plugins.greeter.config.maxNameLength'),
    });
  });

  it('sees an error of its own SDK copy as the same class', async () => {
    const operation = sdkOperation({ call: () => Promise.reject(new NotFoundError('OPERATION_UNKNOWN', 'no such operation')) });
    await expect(operation.handler({ operation: 'a.b', input: {} }, call)).resolves.toMatchObject({
      code: 'OPERATION_UNKNOWN',
      sameBrand: true,
      sameClass: true,
    });
  });

  it('sees an error of another SDK copy by its brand only', async () => {
    const foreign = Object.assign(new Error('from elsewhere'), { [Symbol.for('bellows/error')]: 1, code: 'X', kind: 'input' });
    const operation = sdkOperation({ call: () => Promise.reject(foreign) });
    await expect(operation.handler({ operation: 'a.b', input: {} }, call)).resolves.toMatchObject({ sameBrand: true, sameClass: false });
    expect(foreign).not.toBeInstanceOf(InputError);
  });

  it('marks the operation that runs a command and runs exactly that command', async () => {
    const shell = shellOperation();
    expect(shell.runsCommands).toBe(true);
    await expect(shell.handler({}, call)).resolves.toEqual({ version: process.version });
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
    expect(names).toEqual(['greeter.greet', 'greeter.sdk', 'greeter.shell']);
  });
});
