import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { checkPlugin, startTestHost } from '@bellows/host/testing';
import { describe, expect, it } from '@jest/globals';
import { COMPUTE, cleanEnv, GREETER, HARNESS, REPOSITORY, WORKFLOW } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { writePlugin } from './throwaway-plugin.js';

const HOUR_MS = 3_600_000;
/** What is never closed is seen at once. */
const SHORT_MS = 100;

describe('checkPlugin', () => {
  it.each([
    ['compute', COMPUTE],
    ['workflow', WORKFLOW],
    ['harness', HARNESS],
    ['greeter', GREETER],
  ])('finds that %s, as it is built, keeps the promises of a plugin', async (_name, from) => {
    await checkPlugin({ from });
  });

  it('stages a plugin from elsewhere as the host does, and finds what is wrong with it', async () => {
    const folder = tempFolder();
    await checkPlugin({ from: writePlugin(folder, { id: 'good' }) });
    const bad = writePlugin(folder, { id: 'bad', activate: 'ctx.clock.setRepeating(1000, () => {});' });
    await expect(checkPlugin({ from: bad }, { settleMs: SHORT_MS })).rejects.toMatchObject({
      code: 'CHECK_FAILED',
      message: expect.stringMatching(/^The plugin bad breaks its promise "a stop leaves nothing behind": .*a timer on its clock$/),
    });
  });

  it('runs in a process of Node.js alone, which then ends by itself', () => {
    const { status, output } = inNode(`await checkPlugin({ from: ${JSON.stringify(GREETER)} }); console.log('kept');`);
    expect([status, output]).toEqual([0, 'kept\n']);
  });

  it.each([
    ['a promise that nobody looks at is rejected', "void Promise.reject(new Error('lost'))", 'an error nobody caught: lost'],
    ['a timer throws', "setImmediate(() => { throw new Error('thrown') })", 'an error nobody caught: thrown'],
    ['a server stays open', "createServer().listen(0, '127.0.0.1')", 'an open TCPServerWrap'],
    ['a process stays', "spawn(process.execPath, ['-e', 'setTimeout(() => {}, 20_000)'])", 'an open ProcessWrap'],
  ])('finds in such a process that %s', (_what, broken, fault) => {
    const { status, output } = inNode(`
      const { createServer } = await import('node:net');
      const { spawn } = await import('node:child_process');
      const left = [];
      const plugin = definePlugin({ id: 'sample', config: z.strictObject({}), activate() { left.push(${broken}); } });
      const error = await checkPlugin(plugin, { settleMs: ${SHORT_MS} }).catch((reason) => reason);
      console.log(error?.code, error?.message);
      for (const one of left) { one?.close?.(); one?.kill?.('SIGKILL'); }
    `);
    expect([status, output]).toEqual([0, expect.stringMatching(/^CHECK_FAILED .*a stop leaves nothing behind/)]);
    expect(output).toContain(fault);
  });
});

describe('startTestHost', () => {
  it('runs plugins as they are built, together, and an hour of theirs in a moment', async () => {
    await using host = await startTestHost({ plugins: [{ from: COMPUTE }, { from: WORKFLOW }] });
    const stages = [
      { name: 'rest', timer: HOUR_MS },
      { name: 'look', operation: 'compute.list', input: {}, dependsOn: ['rest'] },
    ];
    await host.call('workflow.define', { json: { name: 'patient', stages } });
    const { id } = await host.call<{ id: string }>('workflow.start', { name: 'patient' });
    const ended = async () => (await host.call<{ status: string }>('workflow.get', { id })).status;
    await host.clock.advance(HOUR_MS - 1_000);
    expect(await ended()).toBe('waiting');
    await host.clock.advance(1_000);
    await expect(host.call('workflow.wait', { id, timeoutMs: HOUR_MS })).resolves.toMatchObject({ status: 'completed' });
    // the two are activated at once, and either may be first
    expect(
      host
        .status()
        .subsystems.map(({ name }) => name)
        .sort(),
    ).toEqual(['compute.wasm', 'workflow.pipeline']);
  });

  it('says of a folder without a plugin what the host would say', async () => {
    await expect(startTestHost({ plugins: [{ from: path.join(REPOSITORY, 'docs') }] })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      details: [expect.objectContaining({ path: 'plugins.docs.from', message: expect.stringContaining('package.json is missing') })],
    });
  });
});

/** Without a test runner: its process has other ways with errors that nobody catches. */
function inNode(code: string) {
  const script = `import { checkPlugin } from '@bellows/host/testing';\nimport { definePlugin, z } from '@bellows/sdk';\n${code}`;
  const args = ['--input-type=module', '--eval', script];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: import.meta.dirname, encoding: 'utf8', env: cleanEnv() });
  return { status, output: `${stdout}${stderr}` };
}
