import { describe, expect, it } from '@jest/globals';
import { option, z } from '../src/config-option.js';

describe('option', () => {
  it('attaches its words and marks', () => {
    const text = { what: 'A key.', change: 'live', secret: true } as const;
    expect(option(z.string(), text).meta()).toEqual({ description: 'A key.', change: 'live', secret: true });
  });

  it.each([
    [z.string(), { what: 'A key.', secert: true }, 'text.secert is unknown: did you mean secret?'],
    [z.string(), { waht: 'A key.' }, 'text.waht is unknown: did you mean what?; text.what must be a sentence'],
    [z.string(), {}, 'text.what must be a sentence'],
    [z.string(), { what: 'A key.', change: 'Live' }, "text.change must be 'live' or 'restart'"],
    [z.string(), { what: 'A key.', secret: 'yes' }, 'text.secret must be true or false'],
    [z.string(), 'A key.', 'text must be an object with what, unit'],
    [z.string(), undefined, 'text must be an object'],
    [{ what: 'A key.' }, undefined, 'schema must be made with z of @bellows/sdk, and is an object'],
    [undefined, { what: 'A key.' }, 'schema must be made with z of @bellows/sdk, and is undefined'],
  ])('refuses what means nothing, with what to write (%#)', (schema, text, message) => {
    const refused = expect.objectContaining({ code: 'OPTION_INVALID', kind: 'input', message: expect.stringContaining(message) });
    expect(() => option(schema as never, text as never)).toThrow(refused);
  });
});
