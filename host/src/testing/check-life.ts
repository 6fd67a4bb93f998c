import { ERROR_CODES, isBellowsError, isKind, messageOf, TOPIC_CLASSES } from '@bellows/sdk';
import { demand } from '@bellows/sdk/testing';
import { HOST_ERROR_CODES } from '../error-codes.js';
import { isPolluted } from './bad-input.js';
import { explained } from './explained.js';
import { isCallersBusiness, type PluginLife } from './plugin-life.js';
import type { PluginUnderCheck } from './plugin-under-check.js';
import { unsayableIn } from './unsayable.js';

export function checkOperations({ operations, unsayableAnswers, foreignOperations }: PluginLife): void {
  demand(foreignOperations.length === 0, `it provides ${foreignOperations.join(', ')} as if it were the host`);
  for (const { name, summary, input, output } of operations) {
    demand(typeof summary === 'string' && summary.trim() !== '', `${name} has no summary`);
    for (const [side, { $schema: _, ...schema }] of Object.entries({ input, output })) {
      demand(Object.keys(schema).length > 0, `the ${side} of ${name} may be anything: say in a schema what it is`);
    }
    const unsayable = unsayableAnswers.get(name) ?? [];
    demand(
      unsayable.length === 0,
      `the output of ${name} has ${unsayable.join(', ')}, which JSON cannot hold: answer with text or numbers`,
    );
  }
}

export function checkMalformed({ answers }: PluginLife): void {
  for (const { operation, what, isMalformed, isLate, error } of answers) {
    if (!isMalformed) continue;
    demand(!isLate, `${operation} did not answer to ${what}`);
    demand(isKind(error, 'input'), `${operation} answered to ${what} with ${error === undefined ? 'a result' : explained(error)}`);
  }
}

/** What it talks to is not there in a check: a plugin may say so, and that it works only in part. What nobody caught is a fault. */
export function isWell({ state, reason }: { readonly state: string; readonly reason: string }): boolean {
  return state === 'active' || (state === 'degraded' && reason !== 'UNCAUGHT_ERROR');
}

export function checkHostile({ answers, called }: PluginLife): void {
  for (const { operation, what, isMalformed, isLate, error } of answers) {
    if (isMalformed) continue;
    demand(!isLate, `${operation} did not answer in time to ${what}`);
    demand(error === undefined || isCallersBusiness(error), `${operation} answered to ${what} with ${explained(error)}`);
  }
  demand(!isPolluted(), 'an input reached the prototype of all objects');
  demand(isWell(called), `afterwards it is ${called.state}: ${called.message}`);
}

/** It may wait for what does not come in a test. */
export function checkReadings({ readings }: PluginLife): void {
  for (const { operation, what, error } of readings) {
    demand(error === undefined || isCallersBusiness(error), `${operation} answered to ${what} with ${explained(error)}`);
  }
}

export function checkCodes({ tables, id }: PluginUnderCheck, { answers, readings }: PluginLife): void {
  if (tables.length === 0) return;
  const known = [...tables, HOST_ERROR_CODES, ERROR_CODES].flatMap((table) => Object.keys(table));
  for (const { operation, what, error } of [...answers, ...readings]) {
    if (!isBellowsError(error) || (error.plugin !== undefined && error.plugin !== id)) continue;
    demand(known.includes(error.code), `${operation} answered to ${what} with the code ${error.code}, which no table explains`);
    const said = tables.find((table) => Object.hasOwn(table, error.code))?.[error.code]?.kind;
    demand(
      said === undefined || said === error.kind,
      `${operation} answered to ${what} with ${error.code} of the kind ${error.kind}; its own table says ${said}`,
    );
  }
}

export function checkEvents({ id }: PluginUnderCheck, { events }: PluginLife): void {
  for (const { source, topic, payload } of events) {
    if (source === id) {
      demand(topic.startsWith(`${id}.`), `it published on ${topic}: begin its own topics with ${id}.`);
      const fault = unsayableIn(payload);
      demand(fault === undefined, `an event of ${topic} holds ${fault}, which reaches nobody outside of the process: publish plain data`);
    }
    if (source === 'host') demand(Object.hasOwn(TOPIC_CLASSES, topic), `it published on ${topic} as if it were the host: use ctx.bus`);
  }
}

export function checkHandlers({ handlerFailures: [failure] }: PluginLife): void {
  if (failure !== undefined) demand(false, `its handler of ${failure.topic} threw: ${messageOf(failure.error)}`);
}
