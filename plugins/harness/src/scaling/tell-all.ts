import { type ILogger, messageOf } from '@bellows/sdk';

/** Calls every listener; one that throws is warned of and keeps the others from nothing. */
export function tellAll<L>(listeners: ReadonlySet<L>, call: (listener: L) => void, logger: ILogger): void {
  for (const listener of [...listeners]) {
    try {
      call(listener);
    } catch (error) {
      logger.warn('A listener of harness.scale threw', { error: messageOf(error) });
    }
  }
}
