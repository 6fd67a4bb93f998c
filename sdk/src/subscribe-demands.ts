import { checkClass } from './bus-topic.js';
import type { SubscribeOptions } from './event-bus-contract.js';
import { optionNames } from './known-options.js';
import { demandMailboxNames } from './mailbox.js';

/**
 * `InputError` (`MAILBOX_OPTIONS_INVALID`, `EVENT_CLASS_INVALID`) for options of a subscription that are unknown, and for a class that is none.
 * What the mailbox is given it checks itself.
 */
export function demandSubscribeOptions(options: SubscribeOptions): void {
  demandMailboxNames(options, OPTIONS, 'A subscription');
  if (options.class !== undefined) checkClass(options.class);
}

const OPTIONS = optionNames<SubscribeOptions>({ policy: true, capacity: true, class: true, owner: true, replayLatest: true });
