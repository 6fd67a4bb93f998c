import { type JsonSchema, propertiesOf, requiredOf } from './json-schema.js';
import { sampleInput } from './sample-input.js';

export interface BadInput {
  /** For people: `null`, `text with a value of another type`. */
  readonly what: string;
  readonly input: unknown;
}

/** A name no schema has. */
export const UNKNOWN_KEY = 'no-such-key-zq';
const SCALARS = ['string', 'number', 'integer', 'boolean', 'null'];
const DEEP = 10_000;
const LONG = 2 ** 20;

/** What an operation of this input schema has to refuse as the caller's fault. */
export function malformedInputs(schema: JsonSchema): readonly BadInput[] {
  const required = requiredOf(schema);
  // one fault at a time: a key that is missing would be refused first, and hide what is made of the other
  const good = sampleInput(schema);
  return [
    ...[null, 42, 'text', true, []]
      .filter((input) => !typesOf(schema).includes(typeOf(input)))
      .map((input) => ({ what: JSON.stringify(input), input })),
    { what: 'nothing at all', input: undefined },
    { what: 'an unknown key', input: { ...good, [UNKNOWN_KEY]: 1 } },
    { what: 'a key that could change prototypes', input: JSON.parse(`{ "__proto__": { "polluted": 1 }, "${UNKNOWN_KEY}": 1 }`) },
    // without a required key an empty input is a good one, and would start the work
    ...(required.length === 0 ? [] : [{ what: `nothing, without ${required.join(', ')}`, input: {} }]),
    ...Object.entries(propertiesOf(schema)).flatMap(([key, property]) => {
      const what = `${key} with a value of another type`;
      return valuesOfOtherTypes(property).map((wrong) => ({ what, input: { ...good, [key]: wrong } }));
    }),
  ];
}

/** What may be refused or answered, but must neither break a plugin nor keep it busy. */
export function hostileInputs(schema: JsonSchema): readonly BadInput[] {
  const values: readonly (readonly [string, () => unknown])[] = [
    ['a mebibyte of text', () => 'a'.repeat(LONG)],
    ['text that is none', () => '\u0000\ud800../../etc\n'],
    ['an empty text', () => ''],
    ['a list in a list, ten thousand times', () => nested(DEEP)],
    [
      'a key that could change prototypes',
      () => JSON.parse('{ "__proto__": { "polluted": 1 }, "constructor": { "prototype": { "polluted": 1 } } }'),
    ],
    ['the largest number', () => Number.MAX_VALUE],
    ['no number', () => Number.NaN],
  ];
  const keys = Object.keys(propertiesOf(schema));
  const good = sampleInput(schema);
  return [
    { what: 'a list in a list, ten thousand times', input: nested(DEEP) },
    { what: 'ten thousand keys', input: Object.fromEntries(Array.from({ length: DEEP }, (_, index) => [`key${index}`, index])) },
    ...keys.flatMap((key) => values.map(([what, make]) => ({ what: `${key} with ${what}`, input: { ...good, [key]: make() } }))),
  ];
}

/** Whether something has reached the prototype of all objects. */
export function isPolluted(): boolean {
  return 'polluted' in {};
}

/** None for one that does not say of which type it is. */
export function valuesOfOtherTypes({ type }: JsonSchema): readonly unknown[] {
  const types = [type].flat();
  if (types.every((one) => SCALARS.includes(one as string))) return [{ [UNKNOWN_KEY]: [] }, [[]]];
  return types.some((one) => SCALARS.includes(one as string) || one === undefined) ? [] : [42, 'text'];
}

/** Of a schema, or of each of its branches. */
function typesOf({ type, anyOf, oneOf }: JsonSchema): readonly unknown[] {
  const branches = [anyOf, oneOf].flatMap((list) => (Array.isArray(list) ? (list as readonly JsonSchema[]) : []));
  return [...[type].flat(), ...branches.flatMap(typesOf)].map((name) => (name === 'integer' ? 'number' : name));
}

function typeOf(input: unknown): string {
  if (input === null) return 'null';
  return Array.isArray(input) ? 'array' : typeof input;
}

function nested(depth: number): unknown {
  let value: unknown = [];
  for (let level = 0; level < depth; level += 1) value = [value];
  return value;
}
