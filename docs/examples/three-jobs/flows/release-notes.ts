import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { z } from '@bellows/sdk';
import { defineWorkflow, type } from '@bellows/sdk/workflow';

const run = promisify(execFile);
const AGENT = path.resolve(import.meta.dirname, '../agent.sh');

/** What the host answers for a program and for a job; the operations page of the reference has all fields. */
interface Counted {
  readonly stdout: string;
}
interface Job {
  readonly status: string;
  readonly landed: readonly { readonly issue: string; readonly commit: string }[];
  readonly failed: readonly { readonly issue: string; readonly reason: string }[];
}

const input = z.strictObject({
  /** A git repository; its folder. */
  repo: z.string(),
  /** Where the notes land. */
  branch: z.string().default('release-notes'),
  /** The notes must not be longer; else everything is undone. */
  maxLines: z.int().default(200),
});

/** Collects the log (code), counts its words (WebAssembly), has an agent write the notes, and checks them (code). */
export const releaseNotes = defineWorkflow({ name: 'release-notes', version: 1, input }, (flow) => {
  const log = flow.run('log', {
    run: async ({ input }) => (await run('git', ['-C', input.repo, 'log', '--format=- %s', '--max-count=100'])).stdout,
  });

  const words = flow.operation('words', {
    after: { log },
    operation: 'compute.invoke',
    output: type<Counted>(),
    input: ({ log }) => ({
      module: 'wordcount',
      argv: ['wordcount', 'log.txt'],
      files: [{ path: 'log.txt', base64: Buffer.from(log).toString('base64') }],
    }),
  });

  const write = flow.operation('write', {
    after: { log, words },
    operation: 'harness.run',
    output: type<Job>(),
    input: ({ input, log, words }) => ({
      repo: input.repo,
      branch: input.branch,
      agent: { driver: 'plain', command: [AGENT] },
      verify: ['test', '-s', 'NOTES.md'],
      issues: [
        {
          id: 'notes',
          title: 'Write NOTES.md',
          body: `${log}\nWords of the log:\n\n${Buffer.from(words.stdout, 'base64').toString()}`,
        },
      ],
    }),
    compensate: {
      run: async ({ input }) => {
        // no fault when there is none: a branch on which nothing landed is gone with its job
        await run('git', ['-C', input.repo, 'update-ref', '-d', `refs/heads/${input.branch}`]);
      },
    },
  });

  const check = flow.run('check', {
    after: { write },
    retry: { maxAttempts: 1 },
    run: async ({ input, write }) => {
      if (write.status !== 'completed') throw new Error(`the agent failed: ${write.failed.map(({ reason }) => reason).join(', ')}`);
      const notes = await run('git', ['-C', input.repo, 'show', `${input.branch}:NOTES.md`]);
      const lines = notes.stdout.trimEnd().split('\n').length;
      if (lines > input.maxLines) throw new Error(`the notes have ${lines} lines, at most ${input.maxLines} are wanted`);
      return { lines, commit: write.landed[0]?.commit };
    },
  });

  return flow.output({ check }, ({ check }) => check);
});
