import { createToken } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import { ServiceContainer } from '../src/container.js';

const NUMBER = createToken<number>('test/Number');
const OTHER = createToken<number>('test/Other');

describe('ServiceContainer', () => {
  it('gives a service to every child by token', () => {
    const container = new ServiceContainer();
    container.provide(NUMBER, 7);
    expect(container.child().child().get(NUMBER)).toBe(7);
  });

  it('knows a token by its text, as a second copy of the SDK would make it', () => {
    const container = new ServiceContainer();
    container.provide(NUMBER, 7);
    expect(container.get(createToken<number>('test/Number'))).toBe(7);
  });

  it('lets nobody replace a service, neither in the same container nor in a child', () => {
    const container = new ServiceContainer();
    container.provide(NUMBER, 7);
    for (const target of [container, container.child()]) {
      expect(() => target.provide(NUMBER, 8)).toThrow(expect.objectContaining({ code: 'SERVICE_TAKEN' }));
    }
  });

  it('keeps containers apart', () => {
    const container = new ServiceContainer();
    container.provide(NUMBER, 7);
    expect(() => new ServiceContainer().get(NUMBER)).toThrow(expect.objectContaining({ code: 'SERVICE_UNKNOWN' }));
  });

  it('says what there is when something is not there', () => {
    const container = new ServiceContainer();
    container.provide(NUMBER, 7);
    expect(() => container.child().get(OTHER)).toThrow('there is no service test/Other; the host offers test/Number');
  });
});
