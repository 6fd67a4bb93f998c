export interface BadInput {
  /** For people: `null`, `text with a value of another type`. */
  readonly what: string;
  readonly input: unknown;
}

type JsonSchema = Readonly<Record<string, unknown>>;

/** A name no schema has. */
export const UNKNOWN_KEY = 'no-such-key-zq';
const DEEP = 10_000;
const LONG = 2 ** 20;

/** What an operation of this input schema has to refuse as the caller's fault. */
export function malformedInputs(schema: JsonSchema): readonly BadInput[] {
  const required = Array.isArray(schema.required) ? (schema.required as readonly string[]) : [];
  return [
    ...[null, 42, 'text', true, []].map((input) => ({ what: JSON.stringify(input), input })),
    { what: 'nothing at all', input: undefined },
    { what: 'an unknown key', input: { [UNKNOWN_KEY]: 1 } },
    { what: 'a key that could change prototypes', input: JSON.parse(`{ "__proto__": { "polluted": 1 }, "${UNKNOWN_KEY}": 1 }`) },
    // without a required key an empty input is a good one, and would start the work
    ...(required.length === 0 ? [] : [{ what: `nothing, without ${required.join(', ')}`, input: {} }]),
    ...Object.entries(propertiesOf(schema)).flatMap(([key, property]) => {
      const what = `${key} with a value of another type`;
      return valuesOfOtherTypes(property).map((wrong) => ({ what, input: { [key]: wrong } }));
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
  return [
    { what: 'a list in a list, ten thousand times', input: nested(DEEP) },
    { what: 'ten thousand keys', input: Object.fromEntries(Array.from({ length: DEEP }, (_, index) => [`key${index}`, index])) },
    ...keys.flatMap((key) => values.map(([what, make]) => ({ what: `${key} with ${what}`, input: { [key]: make() } }))),
  ];
}

/** Whether something has reached the prototype of all objects. */
export function isPolluted(): boolean {
  return 'polluted' in {};
}

export function propertiesOf(schema: JsonSchema): Readonly<Record<string, JsonSchema>> {
  return (schema.properties ?? {}) as Readonly<Record<string, JsonSchema>>;
}

/** None for one that does not say of which type it is. */
export function valuesOfOtherTypes({ type }: JsonSchema): readonly unknown[] {
  if (typeof type !== 'string') return [];
  return type === 'array' || type === 'object' ? [42, 'text'] : [{ [UNKNOWN_KEY]: [] }, [[]]];
}

function nested(depth: number): unknown {
  let value: unknown = [];
  for (let level = 0; level < depth; level += 1) value = [value];
  return value;
}
