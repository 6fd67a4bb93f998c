import { type ILogger, type LogFields, messageOf } from '@bellows/sdk';

/** Keeps warnings and errors as lines, with the cause of each. */
export class TroubleLog implements ILogger {
  readonly lines: string[] = [];

  debug(): void {}

  info(): void {}

  warn(message: string, fields?: LogFields): void {
    this.error(message, fields);
  }

  error(message: string, { error }: LogFields = {}): void {
    const cause = messageOf(error);
    this.lines.push(error === undefined || message.includes(cause) ? message : `${message}: ${cause}`);
  }

  child(): ILogger {
    return this;
  }
}
