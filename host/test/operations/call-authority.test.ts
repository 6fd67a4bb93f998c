import {
  type CallAuthority,
  FULL_AUTHORITY,
  type IOperations,
  type OperationCall,
  ROLES,
  seededRandom,
  silentLogger,
  z,
} from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { OperationRegistry } from '../../src/operations/operation-registry.js';

const FORBIDDEN = { kind: 'forbidden', status: 403 };

/** A plugin `inner` with one operation of each kind, and a plugin `outer` that calls them for its caller. */
function open() {
  const registry = new OperationRegistry({ clock: new FakeClock(), logger: silentLogger, random: seededRandom(1) });
  const ran: string[] = [];
  const seen: CallAuthority[] = [];
  const inner = registry.forPlugin('inner', new AbortController().signal);
  const provide = (name: string, rules: { role?: (typeof ROLES)[number]; runsCommands?: boolean }) =>
    inner.provide({
      name,
      summary: '',
      input: z.strictObject({}),
      output: z.string(),
      ...rules,
      handler: async (_input, call) => {
        ran.push(name);
        seen.push(call.authority);
        return name;
      },
    });
  provide('inner.read', { role: 'reader' });
  provide('inner.change', {});
  provide('inner.manage', { role: 'admin' });
  provide('inner.commands', { runsCommands: true });
  provide('inner.read-commands', { role: 'reader', runsCommands: true });
  return { registry, ran, seen, outer: relay(registry) };
}

/** `outer.pass` hands its caller's authority on, `outer.own` does it in its own name. Both are for readers. */
function relay(registry: OperationRegistry): IOperations {
  const operations = registry.forPlugin('outer', new AbortController().signal);
  const provide = (name: string, pass: (to: string, call: OperationCall) => Promise<unknown>) =>
    operations.provide({
      name,
      summary: '',
      role: 'reader',
      input: z.strictObject({ to: z.string() }),
      output: z.unknown(),
      handler: ({ to }, call) => pass(to, call),
    });
  provide('outer.pass', (to, { authority }) => operations.call(to, {}, { authority }));
  provide('outer.whole', (to, call) => operations.call(to, {}, call));
  provide('outer.own', (to) => operations.call(to, {}));
  provide('outer.twice', (to, call) => operations.call('outer.pass', { to }, { authority: call.authority }));
  return operations;
}

describe('the authority of a call', () => {
  it.each(['outer.pass', 'outer.whole', 'outer.twice'])('reaches no command through %s for somebody without a token', async (by) => {
    const { registry, ran } = open();
    const authority = { role: 'admin', runsCommands: false } as const;
    for (const to of ['inner.commands', 'inner.read-commands']) {
      await expect(registry.call(by, { to }, { authority })).rejects.toMatchObject({ code: 'COMMANDS_FORBIDDEN', ...FORBIDDEN });
    }
    expect(ran).toEqual([]);
    expect(await registry.call(by, { to: 'inner.commands' }, { authority: { ...authority, runsCommands: true } })).toBe('inner.commands');
  });

  it('reaches nothing above the role of the caller, and names both roles', async () => {
    const { registry, ran } = open();
    const authority = { role: 'reader', runsCommands: true } as const;
    expect(await registry.call('outer.pass', { to: 'inner.read' }, { authority })).toBe('inner.read');
    for (const [to, role] of [
      ['inner.change', 'operator'],
      ['inner.manage', 'admin'],
    ] as const) {
      await expect(registry.call('outer.pass', { to }, { authority })).rejects.toMatchObject({
        code: 'ROLE_TOO_LOW',
        message: `${to} needs the role ${role}; whoever it is called for has reader.`,
        ...FORBIDDEN,
      });
    }
    expect(ran).toEqual(['inner.read']);
  });

  it('is all there is for the host and its plugins when they do not say otherwise', async () => {
    const { registry, outer, seen } = open();
    expect(await outer.call('inner.commands', {})).toBe('inner.commands');
    expect(await registry.call('outer.own', { to: 'inner.manage' }, { authority: { role: 'reader', runsCommands: false } })).toBe(
      'inner.manage',
    );
    expect(seen).toEqual([FULL_AUTHORITY, FULL_AUTHORITY]);
  });

  it('is what the handler sees, so that it can be kept and used later', async () => {
    const { outer, seen } = open();
    const authority = { role: 'operator', runsCommands: false } as const;
    await outer.call('inner.change', {}, { authority });
    expect(seen).toEqual([authority]);
  });

  it('is looked at before the input, so that nobody learns more than that it is not for them', async () => {
    const { outer } = open();
    const authority = { role: 'reader', runsCommands: false } as const;
    await expect(outer.call('inner.change', { wrong: 1 }, { authority })).rejects.toMatchObject({ code: 'ROLE_TOO_LOW' });
  });

  it('that was kept and came back damaged reaches nothing', async () => {
    const { outer, ran } = open();
    for (const authority of [{ role: 'root', runsCommands: true }, { runsCommands: true }, {}, null, 'admin']) {
      await expect(outer.call('inner.read', {}, { authority: authority as never })).rejects.toMatchObject(FORBIDDEN);
    }
    for (const runsCommands of ['yes', 1, undefined]) {
      const authority = { role: 'admin', runsCommands } as never;
      await expect(outer.call('inner.commands', {}, { authority })).rejects.toMatchObject({ code: 'COMMANDS_FORBIDDEN' });
    }
    expect(ran).toEqual([]);
  });

  it('lets a call through exactly where `rulesOf` says so', async () => {
    const names = ['inner.read', 'inner.change', 'inner.manage', 'inner.commands', 'inner.read-commands'];
    const authorities = fc.record({ role: fc.constantFrom(...ROLES), runsCommands: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(authorities, fc.constantFrom(...names), async (authority, name) => {
        const { outer } = open();
        const rules = outer.rulesOf(name);
        if (rules === undefined) throw new Error(`${name} has no rules`);
        const may = ROLES.indexOf(authority.role) >= ROLES.indexOf(rules.role) && (authority.runsCommands || !rules.runsCommands);
        const did = await outer.call(name, {}, { authority }).then(
          () => true,
          () => false,
        );
        expect(did).toBe(may);
      }),
    );
  });
});
