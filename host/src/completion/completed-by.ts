import { Argument, Option } from 'commander';

/** Names that only a running host knows. */
export type LiveName = 'operation' | 'subsystem' | 'plugin' | 'module' | 'export' | 'run' | 'workflow' | 'job';

/** What completes a value: names of a running host, or a fixed list that is offered and not enforced. */
export type CompletedBy = LiveName | readonly string[];

const COMPLETED = new WeakMap<Argument | Option, CompletedBy>();

/** An argument of a command whose values a shell can complete. */
export function argumentOf(flags: string, description: string, by: CompletedBy): Argument {
  const argument = new Argument(flags, description);
  COMPLETED.set(argument, by);
  return argument;
}

/** An option whose values a shell can complete. */
export function optionOf(flags: string, description: string, by: CompletedBy): Option {
  const option = new Option(flags, description);
  COMPLETED.set(option, by);
  return option;
}

export function completedBy(target: Argument | Option): CompletedBy | undefined {
  return COMPLETED.get(target);
}
