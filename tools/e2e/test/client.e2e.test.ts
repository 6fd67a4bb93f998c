import { spawnSync } from 'node:child_process';
import { createReadStream, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createClient, isKind } from '@bellows/sdk/client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { build, stop as stopEsbuild } from 'esbuild';
import { documentText, fileBlocksOf } from './document-blocks.js';
import { withBrowser } from './page-browser.js';
import { linkModules, runNode } from './repository-copy.js';
import { cleanEnv, GREETER, REPOSITORY, type RunningHost, startHost } from './running-host.js';
import { tempFolder } from './temp-folder.js';

/** As a program for browsers gets it: everything it needs in one text, or the build fails. */
async function bundle(code: string, minify = false): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: path.join(REPOSITORY, 'tools/e2e') },
    bundle: true,
    format: 'iife',
    globalName: 'bellows',
    platform: 'browser',
    target: 'es2023',
    write: false,
    minify,
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}

let host: RunningHost;
beforeAll(async () => {
  host = await startHost({ config: { plugins: { greeter: { from: GREETER } } } });
});

// its service is a process that outlives a build
afterAll(() => stopEsbuild());

describe('the client, in Node.js', () => {
  it('calls, asks, uploads, and gets errors of the kind that says who must act', async () => {
    const client = createClient({ url: host.url, token: host.token });
    const [first] = await client.operations();
    expect(first?.name).toBe('greeter.greet');
    await expect(client.call('greeter.greet', { name: 'Ada' }, { deadlineMs: 30_000 })).resolves.toMatchObject({ greeting: 'Hello, Ada!' });
    expect(await client.status()).toMatchObject({ ready: true, pid: host.pid, subsystems: [] });
    expect(await client.plugins()).toMatchObject([{ id: 'greeter', state: 'active' }]);
    const wrong = await client.call('greeter.greet', { nmae: 1 }).catch((error: unknown) => error);
    expect(isKind(wrong, 'input')).toBe(true);
    expect(wrong).toMatchObject({ code: 'INPUT_INVALID', traceId: expect.stringMatching(/^[0-9a-f]{32}$/) });
    const file = path.join(REPOSITORY, 'LICENSE');
    const bytes = readFileSync(file);
    const uploaded = await client.upload(createReadStream(file));
    expect(uploaded.bytes).toBe(bytes.byteLength);
    expect(await client.upload(bytes)).toEqual(uploaded);
  });

  it('follows a topic of a plugin before the plugin has published on it', async () => {
    const client = createClient({ url: host.url, token: host.token });
    const following = (async () => {
      for await (const { payload } of client.events({ topics: ['greeter.greeted', 'shelf.stored'], lastEventId: 0, maxFailures: 1 }))
        return payload;
      return undefined;
    })();
    await client.call('greeter.greet', { name: 'Grace' }, { deadlineMs: 30_000 });
    expect(await following).toBeDefined();
  });

  it('says that nobody is there', async () => {
    const client = createClient({ url: 'http://127.0.0.1:1', retry: { maxAttempts: 2, initialMs: 1 } });
    await expect(client.status()).rejects.toMatchObject({
      code: 'HOST_UNREACHABLE',
      message: expect.stringMatching(/ECONNREFUSED|bad port/),
    });
  });

  it('follows events, also those before it came, and says when the host has ended', async () => {
    const own = await startHost({ config: { plugins: { greeter: { from: GREETER } } } });
    const client = createClient({ url: own.url, token: own.token });
    const states: string[] = [];
    const follow = async () => {
      for await (const { payload } of client.events({ topics: ['status'], lastEventId: 0, maxFailures: 1 })) {
        states.push(payload.state);
        if (payload.state === 'active') void own.stop();
      }
    };
    await expect(follow()).rejects.toMatchObject({ kind: 'not_ready' });
    expect(states).toContain('active');
  });
});

describe('bellows client types', () => {
  it('writes types that compile and know what the operations take', async () => {
    const folder = tempFolder('bellows-client');
    linkModules(folder);
    symlinkSync(path.join(REPOSITORY, 'sdk'), path.join(folder, 'node_modules/@bellows/sdk'));
    const ran = await host.bellows(['client', 'types', '--output', 'generated/host/operations.ts'], { cwd: folder });
    expect([ran.code, ran.stdout]).toEqual([0, 'generated/host/operations.ts: 3 operations\n']);
    writeFileSync(
      path.join(folder, 'use.ts'),
      `import { createClient } from '@bellows/sdk/client';
import type { HostOperations } from './generated/host/operations.js';
const client = createClient<HostOperations>({ url: 'http://127.0.0.1:7070' });
export const greet = async (): Promise<string> => (await client.call('greeter.greet', { name: 'Ada' })).greeting;
// @ts-expect-error a name is text
export const wrong = () => client.call('greeter.greet', { name: 5 });
`,
    );
    writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }');
    const compilerOptions = {
      strict: true,
      module: 'nodenext',
      target: 'es2023',
      lib: ['es2024', 'esnext.disposable', 'dom'],
      types: [],
      noEmit: true,
    };
    writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
    const tsc = path.join(REPOSITORY, 'node_modules/typescript/bin/tsc');
    const { stdout } = spawnSync(process.execPath, [tsc, '-p', '.', '--pretty', 'false'], { cwd: folder, encoding: 'utf8' });
    expect(stdout).toBe('');
  });
});

describe('docs/how-to/use-the-client.md', () => {
  it('has programs that run and compile', async () => {
    const tutorial = await startHost({ config: { plugins: { compute: { from: path.join(REPOSITORY, 'plugins/compute') } } } });
    const folder = tempFolder('bellows-client-page');
    linkModules(folder);
    for (const [name, target] of [
      ['sdk', 'sdk'],
      ['plugin-compute', 'plugins/compute'],
    ] as const) {
      symlinkSync(path.join(REPOSITORY, target), path.join(folder, 'node_modules/@bellows', name));
    }
    const files = fileBlocksOf(documentText('docs/how-to/use-the-client.md'));
    for (const [name, text] of files) writeFileSync(path.join(folder, name), text);
    writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }');
    const compilerOptions = {
      strict: true,
      module: 'nodenext',
      target: 'es2023',
      lib: ['es2024', 'dom'],
      types: ['node'],
      noEmit: true,
      skipLibCheck: true,
    };
    writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
    expect(runNode(['node_modules/typescript/bin/tsc', '-p', '.'], folder)).toEqual({ status: 0, output: '' });
    const env = { BELLOWS_URL: tutorial.url, BELLOWS_TOKEN: tutorial.token };
    const printed = (name: string) => spawnSync(process.execPath, [name], { cwd: folder, encoding: 'utf8', env: cleanEnv(env) });
    const { status, stdout, stderr } = printed('sums.ts');
    expect([status, stderr]).toEqual([0, '']);
    expect(documentText('docs/how-to/use-the-client.md')).toContain(`\`\`\`text\n${stdout}\`\`\`\n`);
    expect(printed('watch.ts')).toMatchObject({ status: 0, stdout: 'compute is active\n', stderr: '' });
  });
});

describe('the client, bundled', () => {
  it('holds nothing of Node.js and no other package, and stays small', async () => {
    const code = await bundle("export * from '@bellows/sdk/client';", true);
    expect(code).not.toMatch(/node:|require\(|zod|rxjs/i);
    expect(code.length).toBeLessThan(20 * 1024);
    // negative control: the SDK itself is not for browsers
    await expect(bundle("export * from '@bellows/sdk';")).rejects.toThrow('node:');
  });
});

withBrowser('the client in a browser', (browser) => {
  it('calls, uploads and follows events in a page of the host', async () => {
    const code = await bundle("export * from '@bellows/sdk/client';");
    const { page, close } = await browser.open(`${host.url}/?token=${host.token}`);
    const seen = await page.evaluate(`(async () => { ${code}
      const client = bellows.createClient({ url: location.origin });
      const { greeting } = await client.call('greeter.greet', { name: 'page' }, { deadlineMs: 30000, idempotencyKey: 'k' });
      const failed = await client.call('greeter.greet', {}).catch((error) => [error.kind, error.code, bellows.isBellowsError(error)]);
      const { bytes } = await client.upload(new Blob(['from a page']));
      const abort = new AbortController();
      const topics = [];
      for await (const event of client.events({ lastEventId: 0, signal: abort.signal })) { topics.push(event.topic); break; }
      return { greeting, failed, bytes, topics: topics.length, ready: (await client.status()).ready };
    })()`);
    expect(seen).toEqual({ greeting: 'Hello, page!', failed: ['input', 'INPUT_INVALID', true], bytes: 11, topics: 1, ready: true });
    await close();
  });
});
