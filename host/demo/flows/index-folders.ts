import { writeFile } from 'node:fs/promises';
import { z } from '@bellows/sdk';
import { defineWorkflow, type } from '@bellows/sdk/workflow';
import { counted, countsOf, countTexts } from './stages/counts.ts';
import { runGit } from './stages/run-git.ts';

interface Job {
  readonly landed: readonly { readonly issue: string; readonly commit: string }[];
}

const input = z.strictObject({
  /** Folder of the clone. */
  repository: z.string(),
  /** The branch on which the indexes land. */
  branch: z.string(),
  /** What is to be indexed: folders of the repository, with the paths of their texts. */
  folders: z.array(z.strictObject({ id: z.string(), index: z.string(), files: z.array(z.string()) })),
  /** argv of the agent, and of what verifies its work. */
  agent: z.array(z.string()),
  verify: z.array(z.string()),
  /** The report that is written at the end. */
  file: z.string(),
});

/** All three at once: reads texts (code), counts them (WebAssembly), has agents write indexes, waits for an approval, reports (code). */
export const indexFolders = defineWorkflow({ name: 'index-folders', version: 1, input }, (flow) => {
  const read = flow.run('read', {
    run: async ({ input }, { signal }) => {
      const texts: string[] = [];
      for (const file of input.folders.flatMap(({ files }) => files))
        texts.push(await runGit(input.repository, ['cat-file', 'blob', `HEAD:${file}`], signal));
      return texts;
    },
  });

  const count = flow.operation('count', {
    after: { read },
    operation: 'compute.invoke',
    output: counted,
    input: ({ read }) => countTexts(read),
  });

  const write = flow.operation('write', {
    after: { read, count },
    operation: 'harness.run',
    output: type<Job>(),
    input: ({ input, read, count }) => {
      const words = countsOf(count).map((counts) => counts.words);
      if (words.length !== read.length) throw new Error(`${read.length} texts were given and ${words.length} counted`);
      return {
        repo: input.repository,
        branch: input.branch,
        agent: { command: input.agent },
        verify: input.verify,
        mustLand: 'all',
        issues: input.folders.map(({ id, index, files }) => ({
          id,
          title: `Write ${index}`,
          body: [`index: ${index}`, ...files.map((file) => `file: ${words.shift()} ${file}`)].join('\n'),
        })),
      };
    },
    compensate: {
      run: async ({ input }, { signal }) => {
        await runGit(input.repository, ['update-ref', '-d', `refs/heads/${input.branch}`], signal);
      },
    },
  });

  const approval = flow.signal('approval', { after: { write }, signal: 'approved', timeoutMs: 300_000 });

  const report = flow.run('report', {
    after: { write, approval },
    run: async ({ input, write }) => {
      const rows = write.landed.map(({ issue, commit }) => {
        const folder = input.folders.find(({ id }) => id === issue);
        return `| ${folder?.index} | ${folder?.files.length} | ${commit} |\n`;
      });
      const head = '| index | files in it | merge commit |\n|---|---|---|\n';
      await writeFile(input.file, `# What the agents landed on ${input.branch}\n\n${head}${rows.join('')}`);
      return { landed: write.landed };
    },
  });

  return flow.output({ report }, ({ report }) => report);
});
