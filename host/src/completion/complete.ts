import type { Argument, Command, Option } from 'commander';
import { completedBy, type LiveName } from './completed-by.js';

export interface Candidate {
  readonly value: string;
  readonly description: string;
}

export interface Completions {
  /** What the shell itself completes instead. */
  readonly from: 'names' | 'files' | 'folders';
  /** What stands before each value in the word that is completed: `--option=`, else nothing. */
  readonly prefix: string;
  readonly candidates: readonly Candidate[];
}

export interface CompletionRequest {
  /** Those before the word that is completed, without the program's name and without quotes. */
  readonly words: readonly string[];
  /** The word that is completed, as far as it is typed. */
  readonly current: string;
}

/** Asks a running host; answers nothing where none answers in time. `before` are the arguments of the command so far. */
export type AskNames = (by: LiveName, before: readonly string[]) => Promise<readonly Candidate[]>;

/**
 * What may come next on a command line, from the commands as they are defined. Options that say which host to ask (`--url`, `--data`,
 * `--config`) are set on `program`, so that `ask` may use them. Never offers what a shell or a terminal could take for something else.
 */
export async function complete(program: Command, { words, current }: CompletionRequest, ask: AskNames): Promise<Completions> {
  const place = placeAt(program, words);
  const attached = place.isLiteral ? null : /^(--[\w-]+=)([\s\S]*)$/.exec(current);
  const option = attached ? findOption(place.command, attached[1]!.slice(0, -1)) : undefined;
  if (attached && option) return valuesOf(option, { place, ask, typed: attached[2]!, prefix: attached[1]! });
  if (place.option) return valuesOf(place.option, { place, ask, typed: current, prefix: '' });
  if (!place.isLiteral && current.startsWith('-')) return namesOnly(offered(optionsOf(place.command).map(optionCandidate), current));
  const { command, before, isLiteral } = place;
  if (command.commands.length > 0 && before.length === 0 && !isLiteral) return namesOnly(offered(commandsOf(command), current));
  const argument = argumentAt(command, before.length);
  return argument ? valuesOf(argument, { place, ask, typed: current, prefix: '' }) : namesOnly([]);
}

interface Place {
  readonly command: Command;
  /** The one whose value is to come. */
  readonly option: Option | undefined;
  /** Arguments of the command so far. */
  readonly before: readonly string[];
  /** After `--`: nothing is an option or a command any more. */
  readonly isLiteral: boolean;
}

function placeAt(program: Command, words: readonly string[]): Place {
  let command = program;
  let option: Option | undefined;
  let isLiteral = false;
  const before: string[] = [];
  for (const word of words) {
    if (option) {
      remember(program, option, word);
      option = undefined;
    } else if (!isLiteral && word === '--') {
      isLiteral = true;
    } else if (!isLiteral && word.startsWith('-') && word !== '-') {
      const [flag = '', value] = splitOnce(word, '=');
      const found = findOption(command, flag);
      if (found && value !== undefined) remember(program, found, value);
      else if (found?.required) option = found;
    } else {
      const next =
        before.length === 0 && !isLiteral ? command.commands.find((one) => [one.name(), ...one.aliases()].includes(word)) : undefined;
      // `help` stays where it is: what it takes are the commands.
      if (next) command = next;
      else if (word !== 'help' || command.commands.length === 0) before.push(word);
    }
  }
  return { command, option, before, isLiteral };
}

/** Only of the program itself: they say which host is asked. */
function remember(program: Command, option: Option, value: string): void {
  if (program.options.includes(option)) program.setOptionValue(option.attributeName(), value);
}

function splitOnce(text: string, at: string): [string, string | undefined] {
  const index = text.indexOf(at);
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)];
}

interface Wanted {
  readonly place: Place;
  readonly ask: AskNames;
  readonly typed: string;
  readonly prefix: string;
}

async function valuesOf(target: Option | Argument, { place, ask, typed, prefix }: Wanted): Promise<Completions> {
  const by = target.argChoices ?? completedBy(target);
  if (typeof by === 'string') {
    const names = (await ask(by, place.before)).filter(isHarmless).map(shown);
    return { from: 'names', prefix, candidates: names.filter(({ value }) => value.startsWith(typed)) };
  }
  if (by !== undefined) return { from: 'names', prefix, candidates: offered(by.map(bare), typed) };
  const name = valueNameOf(target);
  if (name === 'folder') return { from: 'folders', prefix, candidates: [] };
  // A command of somebody else takes files as often as anything.
  return name === 'file' || name === 'agent' || name === 'args' ? { from: 'files', prefix, candidates: [] } : { ...namesOnly([]), prefix };
}

/** `file` of `--config <file>` and of `<file...>`. */
function valueNameOf(target: Option | Argument): string | undefined {
  const flags = 'flags' in target ? target.flags : `<${target.name()}>`;
  return /[<[]([^>\]]*?)(?:\.\.\.)?[>\]]/.exec(flags)?.[1];
}

function argumentAt(command: Command, index: number): Argument | undefined {
  const last = command.registeredArguments.at(-1);
  return command.registeredArguments[index] ?? (last?.variadic ? last : undefined);
}

function optionsOf(command: Command): Option[] {
  const help = command.createHelp();
  const found: Option[] = [];
  for (let at: Command | null = command; at; at = at.parent) {
    // The version is told by the program alone.
    found.push(
      ...help.visibleOptions(at).filter(({ long }) => !found.some((one) => one.long === long) && (at === command || long !== '--version')),
    );
  }
  return found;
}

function findOption(command: Command, flag: string): Option | undefined {
  return optionsOf(command).find(({ long, short }) => flag === long || flag === short);
}

function optionCandidate(option: Option): Candidate {
  return { value: option.long ?? option.short ?? '', description: option.description };
}

function commandsOf(command: Command): Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((one) => ({ value: one.name(), description: one.description() }));
}

function namesOnly(candidates: readonly Candidate[]): Completions {
  return { from: 'names', prefix: '', candidates };
}

function bare(value: string): Candidate {
  return { value, description: '' };
}

function offered(candidates: readonly Candidate[], typed: string): Candidate[] {
  return candidates.filter(({ value }) => value.startsWith(typed)).map(shown);
}

/** Longer ones nobody could tell apart in a list. */
const MAX_NAME_LENGTH = 200;
const MAX_DESCRIPTION_LENGTH = 72;
/** Control characters and those that turn or hide text. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** What a host tells may come from anybody who may call it. A leading dash would be taken for an option. */
function isHarmless({ value }: Candidate): boolean {
  return value !== '' && value.length <= MAX_NAME_LENGTH && !value.startsWith('-') && !UNSEEN.test(value);
}

function shown({ value, description }: Candidate): Candidate {
  const plain = description.replace(new RegExp(UNSEEN, 'gu'), ' ');
  const cut = plain.length > MAX_DESCRIPTION_LENGTH ? `${plain.slice(0, MAX_DESCRIPTION_LENGTH - 1).toWellFormed()}…` : plain;
  return { value, description: cut };
}
