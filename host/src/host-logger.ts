import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';
import { Writable } from 'node:stream';
import { type ILogger, type LogFields, type LogLevel, messageOf } from '@bellows/sdk';
import { type DestinationStream, type Logger, multistream, pino } from 'pino';

/** A log file past this is put aside at the next start, the one put aside before is dropped: at most twice this on disk. */
const ROTATE_BYTES = 10 * 1024 * 1024;

interface LoggerOptions {
  readonly level: LogLevel;
  /** Structured lines go to `<logFolder>/host.log`. */
  readonly logFolder: string;
  /** Lines for people. */
  readonly console: { write(text: string): unknown };
}

/** The host's log: JSON lines in a file, one short line per entry for people on the console. */
export function createHostLogger(options: LoggerOptions): ILogger & { close(): void } {
  mkdirSync(options.logFolder, { recursive: true });
  const file = path.join(options.logFolder, 'host.log');
  if (existsSync(file) && statSync(file).size > ROTATE_BYTES) renameSync(file, `${file}.1`);
  // Synchronous: the lines before a crash are the ones that matter.
  const destination = pino.destination({ dest: file, sync: true });
  const streams = multistream([
    { level: options.level, stream: destination },
    { level: options.level, stream: consoleStream(options.console) },
  ]);
  const logger = pino({ level: options.level, base: null, serializers: { error: pino.stdSerializers.err } }, streams);
  return Object.assign(wrap(logger), { close: () => destination.end() });
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
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      console.write(forPeople(chunk.toString()));
      done();
    },
  });
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
