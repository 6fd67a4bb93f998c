import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { type ILogger, type LogFields, type LogLevel, messageOf } from '@bellows/sdk';
import { type DestinationStream, type Logger, multistream, pino } from 'pino';
import { LogFile } from './log-file.js';

interface LoggerOptions {
  readonly level: LogLevel;
  /** Structured lines go to `<logFolder>/host.log`. */
  readonly logFolder: string;
  /** Lines for people. */
  readonly console: { write(text: string): unknown };
}

/**
 * The host's log: JSON lines in a file, one short line per entry for people on the console. After `close`, which may come
 * before a plugin has fallen silent, lines go to the console only.
 */
export function createHostLogger(options: LoggerOptions): ILogger & { close(): void } {
  mkdirSync(options.logFolder, { recursive: true });
  const file = new LogFile(path.join(options.logFolder, 'host.log'));
  const streams = multistream([
    { level: options.level, stream: file },
    { level: options.level, stream: consoleStream(options.console) },
  ]);
  const logger = pino({ level: options.level, base: null, serializers: { error: pino.stdSerializers.err } }, streams);
  return Object.assign(wrap(logger), { close: () => file.close() });
}

function wrap(logger: Logger): ILogger {
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
    child: (fields: LogFields) => wrap(logger.child(fields)),
  };
}

function consoleStream(console: LoggerOptions['console']): DestinationStream {
  return { write: (json) => void console.write(forPeople(json)) };
}

function forPeople(json: string): string {
  try {
    const line = JSON.parse(json) as { level: number; time: number; msg: string; plugin?: string; error?: { stack?: string } };
    const level = pino.levels.labels[line.level] ?? 'info';
    const time = new Date(line.time).toISOString().slice(11, 19);
    const stack = level === 'error' && line.error?.stack ? `\n${line.error.stack}` : '';
    return `${time} ${level.padEnd(5)} ${line.plugin ? `[${line.plugin}] ` : ''}${line.msg}${stack}\n`;
  } catch (error) {
    return `${json.trimEnd()} (${messageOf(error)})\n`;
  }
}
