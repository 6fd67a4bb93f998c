import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from '@bellows/sdk';
import { defineWorkflow } from '@bellows/sdk/workflow';
import { counted, countsOf, countTexts } from './stages/counts.ts';
import { runGit } from './stages/run-git.ts';

const input = z.strictObject({
  /** Folder of the clone. */
  repository: z.string(),
  /** Folder the note is written to. */
  notes: z.string(),
  commit: z.string(),
});

/** One run for each commit: reads it (code), has the words of its message counted (WebAssembly), writes a note about it (code). */
export const noteCommit = defineWorkflow({ name: 'note-commit', version: 1, input }, (flow) => {
  const read = flow.run('read', {
    run: async ({ input }, { signal }) => {
      const printed = await runGit(
        input.repository,
        ['log', '-1', '--no-show-signature', '--format=%aI%x00%B%x00', '--numstat', input.commit],
        signal,
      );
      const [date = '', message = '', changes = ''] = printed.split('\0');
      const files = changes.split('\n').filter((line) => line !== '');
      // a binary file has "-" in both columns
      const sum = (column: number) => files.reduce((total, line) => total + (Number(line.split('\t')[column]) || 0), 0);
      return { date, message: message.trimEnd(), files: files.length, added: sum(0), deleted: sum(1) };
    },
  });

  const count = flow.operation('count', {
    after: { read },
    operation: 'compute.invoke',
    output: counted,
    input: ({ read }) => countTexts([read.message]),
  });

  const write = flow.run('write', {
    after: { read, count },
    run: async ({ input, read, count }) => {
      const words = countsOf(count)[0]?.words ?? 0;
      const [subject = ''] = read.message.split('\n');
      const { date, files, added, deleted } = read;
      const note = `# ${subject}\n\ncommit ${input.commit}\ndate ${date}\nwords ${words}\nfiles ${files}\nadded ${added}\ndeleted ${deleted}\n`;
      await mkdir(input.notes, { recursive: true });
      await writeFile(path.join(input.notes, `${input.commit}.md`), note);
      return { words, files, added, deleted };
    },
  });

  return flow.output({ write }, ({ write }) => write);
});
