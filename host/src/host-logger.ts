import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { type ErrorDetail, type ILogger, type LogFields, type LogLevel, messageOf } from '@bellows/sdk';
import { type DestinationStream, type Logger, pino } from 'pino';
import { LogFile } from './log-file.js';
import { faultLines, headline } from './shown-faults.js';
import { columnsOf, hang, type Screen } from './wrap.js';

/** Where lines for people go. */
export interface HostConsole extends Screen {
  write(text: string): unknown;
}

export interface HostLogger extends ILogger {
  /** For it and all its children, from the next line on. */
  setLevel(level: LogLevel): void;
  close(): void;
}

interface LoggerOptions {
  readonly level: LogLevel;
  /** Structured lines go to `<logFolder>/host.log`. */
  readonly logFolder: string;
  /** Lines for people. */
  readonly console: HostConsole;
  /** Takes out of a line, which is JSON, what must not be in it. */
  readonly hide?: (line: string) => string;
}

/**
 * The host's log: JSON lines in a file, one short line per entry for people on the console. After `close`, which may come
 * before a plugin has fallen silent, lines go to the console only. Fields that cannot be shown are left out; nothing throws for them.
 */
export function createHostLogger(options: LoggerOptions): HostLogger {
  mkdirSync(options.logFolder, { recursive: true, mode: 0o700 });
  const file = new LogFile(path.join(options.logFolder, 'host.log'));
  const people = consoleStream(options.console);
  const { hide = (line: string) => line } = options;
  const both: DestinationStream = {
    write(line) {
      const shown = hide(line);
      file.write(shown);
      people.write(shown);
    },
  };
  const logger = pino({ level: LEAST, base: null, serializers: { error: pino.stdSerializers.err } }, both);
  const threshold: Threshold = { value: pino.levels.values[options.level] ?? 0 };
  return Object.assign(wrap(logger, threshold), {
    close: () => file.close(),
    setLevel: (level: LogLevel) => {
      threshold.value = pino.levels.values[level] ?? 0;
    },
  });
}

/** Shared by the logger and all its children: those of pino keep the level of their birth. */
interface Threshold {
  value: number;
}

/** What is written is decided before it comes to pino. */
const LEAST: LogLevel = 'debug';

function wrap(logger: Logger, threshold: Threshold): ILogger {
  const at = (level: LogLevel) => {
    const value = pino.levels.values[level] ?? 0;
    return (message: string, fields?: LogFields) => {
      if (value < threshold.value) return;
      try {
        logger[level](fields ?? {}, message);
      } catch (error) {
        // What a plugin threw is shown as it is, and showing it runs code of it: that must not end what only wanted to tell of it.
        logger[level]({ unshown: messageOf(error) }, message);
      }
    };
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields: LogFields) => wrap(logger.child(fields), threshold),
  };
}

function consoleStream(console: HostConsole): DestinationStream {
  return { write: (json) => void console.write(forPeople(json, console)) };
}

function forPeople(json: string, screen: Screen): string {
  try {
    const { level: number, time, msg, plugin, error: given, ...others } = JSON.parse(json) as Line;
    // of an error there is more to show than a field
    const error = isShownError(given) ? given : undefined;
    const fields = error === undefined && given !== undefined ? { error: given, ...others } : others;
    const level = pino.levels.labels[number] ?? 'info';
    const clock = new Date(time).toISOString().slice(11, 19);
    // An error of ours says in its message what to do; where in our code it was made helps nobody.
    const stack = level === 'error' && error?.stack && error.kind === undefined ? `\n${error.stack}` : '';
    // A line that tells the error tells all its faults.
    const faults = level === 'error' && error?.message.startsWith(msg.replace(/^failed: /, '')) ? error.details : undefined;
    const shown = Object.entries(fields).map(([name, value]) => ` ${name}=${shortText(value)}`);
    return `${clock} ${level.padEnd(5)} ${plugin ? `[${plugin}] ` : ''}${headline(msg, faults)}${shown.join('')}${stack}\n${listOf(msg, faults, screen)}`;
  } catch (error) {
    return `${json.trimEnd()} (${messageOf(error)})\n`;
  }
}

interface Line {
  readonly level: number;
  readonly time: number;
  readonly msg: string;
  readonly plugin?: string;
  /** Whatever was given under this name. */
  readonly error?: unknown;
  readonly [field: string]: unknown;
}

interface ShownError {
  readonly message: string;
  readonly stack?: string;
  readonly kind?: string;
  readonly details?: readonly ErrorDetail[];
}

function isShownError(value: unknown): value is ShownError {
  return typeof value === 'object' && value !== null && typeof (value as Partial<ShownError>).message === 'string';
}

function listOf(msg: string, faults: readonly ErrorDetail[] | undefined, screen: Screen): string {
  const lines = faultLines(msg, faults).map((line) =>
    hang(`  ${line.replaceAll(/\p{Cc}/gu, ' ')}`, { columns: columnsOf(screen), indent: '    ' }),
  );
  return lines.map((line) => `${line}\n`).join('');
}

/** One line for people: longer values are whole in the file. */
const MAX_SHOWN_LENGTH = 120;

function shortText(value: unknown): string {
  const text = typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : (JSON.stringify(value) ?? '');
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text;
}
