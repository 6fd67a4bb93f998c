import { cpSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { checkoutOf, git, newRepository } from './git-samples.js';
import { COMPUTE, HARNESS, REPOSITORY, type RunningHost, startHost, WORKFLOW } from './running-host.js';
import { tempFolder } from './temp-folder.js';

const EXAMPLE = path.join(REPOSITORY, 'docs/examples/three-jobs');
const WORDCOUNT = path.join(REPOSITORY, 'docs/examples/wasi-wordcount/dist/wordcount.wasm');

let host: RunningHost;

async function runNotes(input: Readonly<Record<string, unknown>>) {
  const started = await host.call('workflow.start', { name: 'release-notes', input }, { authorization: `Bearer ${host.token}` });
  expect(started.status).toBe(200);
  return (await host.call('workflow.wait', { id: started.json.id, timeoutMs: 60_000 })).json;
}

// The example as it is, in a folder of its own: it must not need anything of the repository but the SDK that the host brings.
beforeAll(async () => {
  const folder = tempFolder('bellows-three-jobs');
  for (const name of ['flows', 'agent.sh']) cpSync(path.join(EXAMPLE, name), path.join(folder, name), { recursive: true });
  host = await startHost({
    folder,
    config: {
      plugins: {
        compute: { from: COMPUTE },
        workflow: { from: WORKFLOW, config: { definitions: ['flows/*.ts'] } },
        harness: { from: HARNESS },
      },
    },
  });
  expect((await host.bellows(['compute', 'put', 'wordcount', WORDCOUNT])).code).toBe(0);
});

describe('a workflow of code, WebAssembly and an agent', () => {
  it('ends with the notes that the agent committed, with the words that the guest counted', async () => {
    const repo = newRepository();
    const before = checkoutOf(repo);
    const run = await runNotes({ repo });
    expect(run.status).toBe('completed');
    expect(run.stages.map(({ name, status }: { name: string; status: string }) => [name, status])).toEqual([
      ['log', 'completed'],
      ['words', 'completed'],
      ['write', 'completed'],
      ['check', 'completed'],
    ]);
    const notes = git(repo, 'show', 'release-notes:NOTES.md');
    expect(notes).toContain('- The beginning');
    expect(notes).toContain('words 3');
    expect(run.output.commit).toBe(git(repo, 'rev-parse', 'release-notes'));
    expect(checkoutOf(repo)).toEqual(before);
  });

  it('takes back what the agent landed when a later stage refuses it', async () => {
    const repo = newRepository();
    const run = await runNotes({ repo, branch: 'short', maxLines: 1 });
    expect(run.status).toBe('rolled_back');
    expect(run.error.message).toMatch(/lines, at most 1/);
    expect(run.rollback).toMatchObject({ waves: [['write']], rolledBack: ['write'], errors: [] });
    expect(git(repo, 'branch', '--list', 'short')).toBe('');
  });

  it('is refused at its start when whoever starts it may not run commands', async () => {
    const { status, json } = await host.call('workflow.start', { name: 'release-notes', input: { repo: '/' } });
    expect([status, json.error.code]).toEqual([403, 'STAGE_FORBIDDEN']);
    expect(json.error.message).toContain('harness.run');
  });

  it('refuses an input that does not fit, before anything is kept', async () => {
    const { status, json } = await host.call(
      'workflow.start',
      { name: 'release-notes', input: { repo: 5 } },
      { authorization: `Bearer ${host.token}` },
    );
    expect([status, json.error.code]).toEqual([400, 'RUN_INPUT_INVALID']);
  });
});
