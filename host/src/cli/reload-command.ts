import type { Command } from 'commander';
import { configError } from '../config-error.js';
import { EFFECT_WORDS } from '../reload/config-changes.js';
import type { ReloadPreview, ReloadReport } from '../reload/reload-report.js';
import type { CommandContext } from './command-context.js';
import { EXIT } from './exit-codes.js';
import { cut, printJson, printLine, printWrappedTable } from './print.js';

/** `bellows reload`: has a running host read its configuration anew. */
export function addReloadCommand(program: Command, context: CommandContext): void {
  const { stdout } = context.io;
  program
    .command('reload')
    .description('have the host take its changed configuration and plugins over, whole or not at all')
    .option('--dry-run', 'only say what would be done')
    .addHelpText(
      'after',
      '\nExit code 2 when the configuration has problems and 4 when a plugin refuses: then everything runs as before. 4 also when a\nplugin that was down was tried again and did not come up.\n\nExamples:\n  bellows reload --dry-run\n  bellows reload\n  bellows reload --json',
    )
    .action(async ({ dryRun = false }: { dryRun?: boolean }, command: Command) => {
      const client = await context.connect(command);
      if (dryRun) {
        const preview = await client.post<ReloadPreview>('/v1/reload', { dryRun });
        if (preview.problems.length > 0) throw configError(preview.problems, undefined, 'changed');
        return context.isJson(command) ? printJson(stdout, preview) : printPreview(context, preview);
      }
      const report = await client.post<ReloadReport>('/v1/reload', {});
      if (report.plugins.some(({ outcome }) => outcome === 'failed')) context.exitCode = EXIT.refused;
      if (context.isJson(command)) return printJson(stdout, report);
      printLine(stdout, report.message);
      for (const text of report.warnings) printLine(stdout, `warning: ${text}`);
      for (const { plugin, action, outcome, message } of report.plugins) {
        const deed = action === 'keep' ? 'tried again' : action;
        if (outcome !== 'unchanged') printLine(stdout, `  ${plugin}: ${deed}, ${outcome}${message === undefined ? '' : ` (${message})`}`);
      }
    });
}

/** What a reload would do. */
export function printPreview(context: CommandContext, { changes, steps }: ReloadPreview): void {
  const { stdout } = context.io;
  const deeds = steps.filter(({ action }) => action !== 'keep');
  if (changes.length === 0 && deeds.length === 0) printLine(stdout, 'Nothing to change.');
  if (changes.length > 0) printChanges(context, changes);
  if (deeds.length > 0) stdout.write('\n');
  for (const { id, action, why } of deeds) printLine(stdout, `${id}: ${action} (${why})`);
}

export function printChanges({ io: { stdout } }: CommandContext, changes: ReloadPreview['changes']): void {
  printWrappedTable(
    stdout,
    ['OPTION', 'FROM', 'TO', 'TAKES EFFECT'],
    changes.map(({ path, from, to, effect }) => [path, ...differing(textOf(from), textOf(to)), EFFECT_WORDS[effect]]),
  );
}

function textOf(value: unknown): string {
  return value === undefined ? '(not set)' : (JSON.stringify(value) ?? '');
}

/** Longer values are whole in the JSON. */
const MAX_SHOWN_LENGTH = 40;
/** Of what both have before the first difference: enough to find the place. */
const SHOWN_BEFORE = 12;

/** Both texts, long ones cut so that the first character in which they differ is shown. */
function differing(from: string, to: string): readonly [string, string] {
  if (Math.max(from.length, to.length) <= MAX_SHOWN_LENGTH) return [from, to];
  const shorter = Math.min(from.length, to.length);
  let same = 0;
  while (same < shorter && from[same] === to[same]) same += 1;
  // as long as the difference is near the beginning, so is what is shown
  const start = same < MAX_SHOWN_LENGTH / 2 ? 0 : same - SHOWN_BEFORE;
  const part = (text: string) => cut(start === 0 ? text : `…${text.slice(start).toWellFormed()}`, MAX_SHOWN_LENGTH);
  return [part(from), part(to)];
}
