import type { BridgeAccept, BridgeOptions } from './bus-bridge-contract.js';
import { checkClass } from './bus-topic.js';
import { demandOptionNames } from './demand-option-names.js';
import { InputError } from './errors.js';
import { kindOfValue } from './kind-of-value.js';
import { optionNames } from './known-options.js';

/**
 * `InputError` (`BRIDGE_OPTIONS_INVALID`, `EVENT_CLASS_INVALID`) for options that are unknown or have no meaning. What the mailbox is given it
 * checks itself, and the bus the topics to send.
 */
export function demandBridgeOptions(options: BridgeOptions): void {
  demandNames(options, OPTIONS, 'options');
  const { send = [], accept, window = 1, maxBatchEvents = 1, maxBatchBytes = 1 } = options;
  for (const [name, value] of Object.entries({ window, maxBatchEvents, maxBatchBytes })) demandCount(name, value);
  demandList('send', send);
  if (send.includes('*')) throw invalid('A bridge got the topic * to send: name the topics');
  if (accept !== undefined) demandAccept(accept);
}

function demandAccept(accept: BridgeAccept): void {
  demandNames(accept, ACCEPT, 'options.accept');
  demandList('accept.topics', accept.topics);
  demandList('accept.sources', accept.sources);
  if (accept.classes === undefined) return;
  demandList('accept.classes', accept.classes);
  for (const name of accept.classes) checkClass(name);
}

function demandNames(given: object, known: readonly string[], path: string): void {
  demandOptionNames(given, { known, path, fault: (text) => invalid(`A bridge cannot work: ${text}`) });
}

function demandList(name: string, value: unknown): void {
  if (!Array.isArray(value)) throw invalid(`A bridge got ${kindOfValue(value)} as ${name}: give a list of texts`);
  for (const item of value) {
    if (typeof item !== 'string') throw invalid(`A bridge got ${kindOfValue(item)} in ${name}: give a list of texts`);
  }
}

function demandCount(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw invalid(`A bridge got ${name} ${String(value)}: give a whole number of at least 1`);
}

function invalid(text: string): InputError {
  return new InputError('BRIDGE_OPTIONS_INVALID', text);
}

const OPTIONS = optionNames<BridgeOptions>({
  send: true,
  accept: true,
  policy: true,
  capacity: true,
  window: true,
  maxBatchEvents: true,
  maxBatchBytes: true,
});
const ACCEPT = optionNames<BridgeAccept>({ topics: true, sources: true, classes: true });
