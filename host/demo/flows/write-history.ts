import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { NotReadyError, z } from '@bellows/sdk';
import { defineWorkflow } from '@bellows/sdk/workflow';

const input = z.strictObject({
  /** Folder in which the notes appear. */
  notes: z.string(),
  /** So many are to come. */
  expected: z.int(),
  /** The file that is written. */
  file: z.string(),
});

/** Begins with the notes and ends after them: its first stage is tried again, with pauses, until every note is there. */
export const writeHistory = defineWorkflow({ name: 'write-history', version: 1, input }, (flow) => {
  const collect = flow.run('collect', {
    retry: { maxAttempts: 1_000, initialMs: 250, factor: 1.5, maxMs: 2_000 },
    run: async ({ input }) => {
      const names = (await readdir(input.notes).catch(() => [])).filter((name) => name.endsWith('.md'));
      if (names.length < input.expected) {
        throw new NotReadyError('NOTES_MISSING', `${names.length} of ${input.expected} notes are there: wait for the others.`);
      }
      return names;
    },
  });

  const write = flow.run('write', {
    after: { collect },
    run: async ({ input, collect }) => {
      const notes = await Promise.all(collect.map((name) => readFile(path.join(input.notes, name), 'utf8')));
      const weeks = new Map<string, { commits: number; words: number; added: number; deleted: number }>();
      for (const note of notes) {
        const week = mondayOf(fieldOf(note, 'date'));
        const sum = weeks.get(week) ?? { commits: 0, words: 0, added: 0, deleted: 0 };
        sum.commits += 1;
        for (const field of ['words', 'added', 'deleted'] as const) sum[field] += Number(fieldOf(note, field));
        weeks.set(week, sum);
      }
      const rows = [...weeks]
        .sort(([a], [b]) => (a < b ? 1 : -1))
        .map(([week, { commits, words, added, deleted }]) => {
          return `| ${week} | ${commits} | ${words} | ${added} | ${deleted} |\n`;
        });
      const head = '| week of | commits | words of their messages | lines added | lines deleted |\n|---|---|---|---|---|\n';
      await writeFile(input.file, `# History\n\n${head}${rows.join('')}`);
      return { weeks: weeks.size, commits: notes.length };
    },
  });

  return flow.output({ write }, ({ write }) => write);
});

function fieldOf(note: string, field: string): string {
  return new RegExp(`^${field} (.*)$`, 'm').exec(note)?.[1] ?? '';
}

/** The day as git writes it, with the time zone of the author, so that a week is the author's. Clocks of authors say anything. */
function mondayOf(date: string): string {
  const day = new Date(`${/^\d{4}-\d\d-\d\d(?=T)/.exec(date)?.[0]}T00:00:00Z`);
  if (Number.isNaN(day.getTime())) return 'unknown';
  day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7));
  return day.toISOString().slice(0, 10);
}
