import type { ErrorDetail } from '@bellows/sdk';
import { computeError } from './errors.js';
import type { GuestNumber } from './executor/protocol.js';
import type { ModuleRecord } from './modules/module-record.js';
import type { FunctionType, ValueType } from './modules/read-module.js';
import { firstOf, shortened } from './shortened.js';

const DEFAULT_EXPORT = '_start';

/** The type of an exported function. `EXPORT_UNKNOWN` when there is none, or one with types that have no form in JSON. */
export function exportedFunction(record: Pick<ModuleRecord, 'name' | 'exports'>, name: string = DEFAULT_EXPORT): FunctionType {
  const found = record.exports.find((entry) => entry.name === name && entry.kind === 'function');
  if (found?.params === undefined || found.results === undefined) {
    const functions = firstOf(record.exports.filter(({ kind }) => kind === 'function').map((entry) => entry.name));
    throw computeError(
      'EXPORT_UNKNOWN',
      `The module "${record.name}" exports no function "${shortened(name)}": choose one of ${functions || 'none'}`,
      {
        details: [{ path: 'export', message: `no function "${shortened(name)}"`, suggestion: functions }],
      },
    );
  }
  const strange = [...found.params, ...found.results].find((type) => !(type in PARSERS));
  if (strange !== undefined) {
    throw computeError(
      'EXPORT_UNKNOWN',
      `The function "${shortened(name)}" takes or returns ${strange}, which has no form in JSON: call another one`,
      {
        details: [{ path: 'export', message: `uses ${strange}` }],
      },
    );
  }
  return { params: found.params, results: found.results };
}

/** JSON values as the guest gets them. `ARGUMENTS_INVALID` names every one that does not fit. */
export function parseArguments(args: readonly (number | string)[], { params }: FunctionType): GuestNumber[] {
  const details: ErrorDetail[] = [];
  if (args.length !== params.length) {
    details.push({ path: 'args', message: `${args.length} given, ${params.length} wanted`, suggestion: `(${params.join(', ')})` });
  }
  const parsed = params.slice(0, args.length).map((type, index) => {
    const value = PARSERS[type as NumericType](args[index] as number | string);
    if (value === undefined)
      details.push({
        path: `args.${index}`,
        message: `${JSON.stringify(shortened(String(args[index])))} is no ${type}`,
        suggestion: FORMS[type as NumericType],
      });
    return value ?? 0;
  });
  if (details.length > 0) {
    throw computeError('ARGUMENTS_INVALID', `The arguments do not fit the function: ${details.map(({ message }) => message).join('; ')}`, {
      details,
    });
  }
  return parsed;
}

/** Results as JSON carries them: 64-bit integers and numbers that JSON has no form for are strings. */
export function formatResults(results: readonly GuestNumber[]): (number | string)[] {
  return results.map((value) => {
    if (typeof value === 'bigint') return value.toString();
    if (Number.isFinite(value) && !Object.is(value, -0)) return value;
    return Object.is(value, -0) ? '-0' : String(value);
  });
}

type NumericType = Exclude<ValueType, 'v128' | 'funcref' | 'externref' | 'exnref'>;

const PARSERS: Readonly<Record<NumericType, (value: number | string) => GuestNumber | undefined>> = Object.freeze({
  i32: (value) => {
    const parsed = parseInteger(value);
    // signed and unsigned forms are both in use
    return parsed !== undefined && parsed >= -(2n ** 31n) && parsed < 2n ** 32n ? Number(parsed) : undefined;
  },
  i64: (value) => {
    const parsed = parseInteger(value);
    return parsed !== undefined && parsed >= -(2n ** 63n) && parsed < 2n ** 64n ? parsed : undefined;
  },
  f32: parseFloating,
  f64: parseFloating,
});

const FORMS: Readonly<Record<NumericType, string>> = Object.freeze({
  i32: 'a whole number from -2147483648 to 4294967295',
  i64: 'a decimal string such as "9007199254740993"',
  f32: 'a number, or "NaN", "Infinity", "-Infinity", "-0"',
  f64: 'a number, or "NaN", "Infinity", "-Infinity", "-0"',
});

function parseInteger(value: number | string): bigint | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined;
}

function parseFloating(value: number | string): number | undefined {
  if (typeof value === 'number') return value;
  if (value === 'NaN') return Number.NaN;
  return /^-?(Infinity|\d+(\.\d+)?([eE][+-]?\d+)?)$/.test(value) ? Number(value) : undefined;
}
