type Schema = Readonly<Record<string, unknown>>;

/** Deeper schemas, and circles through `$ref`, become `unknown` from here on. */
const MAX_DEPTH = 24;

/**
 * A JSON Schema (draft 2020-12) as a TypeScript type, over several lines where it is an object. What a type cannot say (ranges, patterns)
 * is left out; what this does not know is `unknown`. Any value may be given: a host of another version, or none, may have sent it.
 */
export function printType(schema: unknown, indent = ''): string {
  return new TypePrinter(schema).print(schema, { indent, depth: 0 });
}

interface Place {
  readonly indent: string;
  readonly depth: number;
}

class TypePrinter {
  readonly #root: unknown;

  constructor(root: unknown) {
    this.#root = root;
  }

  print(given: unknown, place: Place): string {
    if (!isSchema(given) || place.depth > MAX_DEPTH) return given === false ? 'never' : 'unknown';
    const inner = { ...place, depth: place.depth + 1 };
    if (typeof given.$ref === 'string') return this.print(this.#resolve(given.$ref), inner);
    if ('const' in given) return literal(given.const);
    if (Array.isArray(given.enum)) return union(given.enum.map(literal));
    const branches = given.anyOf ?? given.oneOf;
    if (Array.isArray(branches)) return union(branches.map((branch) => this.print(branch, inner)));
    if (Array.isArray(given.allOf)) return given.allOf.map((part) => grouped(this.print(part, inner))).join(' & ') || 'unknown';
    if (Array.isArray(given.type)) return union(given.type.map((type) => this.#typed(given, type, inner)));
    return this.#typed(given, given.type, inner);
  }

  #typed(schema: Schema, type: unknown, place: Place): string {
    switch (type) {
      case 'string':
      case 'boolean':
      case 'null':
        return type;
      case 'integer':
      case 'number':
        return 'number';
      case 'array':
        return this.#list(schema, place);
      case 'object':
        return this.#object(schema, place);
      default:
        return 'unknown';
    }
  }

  #list({ prefixItems, items }: Schema, place: Place): string {
    const rest = items === undefined ? 'unknown' : this.print(items, place);
    if (!Array.isArray(prefixItems)) return `readonly ${grouped(rest)}[]`;
    const first = prefixItems.map((item) => this.print(item, place));
    return `readonly [${[...first, ...(items === false ? [] : [`...${grouped(rest)}[]`])].join(', ')}]`;
  }

  #object(schema: Schema, place: Place): string {
    const { additionalProperties: others } = schema;
    const properties = isSchema(schema.properties) ? Object.entries(schema.properties) : [];
    const required = new Set(Array.isArray(schema.required) ? schema.required : []);
    const indent = `${place.indent}  `;
    const lines = properties.flatMap(([key, property]) => [
      ...comment(property, indent),
      `${indent}readonly ${JSON.stringify(key)}${required.has(key) ? '' : '?'}: ${this.print(property, { ...place, indent })};`,
    ]);
    // beside named keys an index signature would have to fit them all
    const open = others === undefined || others === true || isSchema(others);
    if (lines.length === 0) return open ? `Readonly<Record<string, ${this.print(others, place)}>>` : 'Readonly<Record<string, never>>';
    if (open) lines.push(`${indent}readonly [more: string]: unknown;`);
    return `{\n${lines.join('\n')}\n${place.indent}}`;
  }

  /** `#`, `#/$defs/name` and the like; nothing outside of the schema is fetched. */
  #resolve(reference: string): unknown {
    if (!reference.startsWith('#')) return undefined;
    let found: unknown = this.#root;
    for (const part of reference.slice(1).split('/').filter(Boolean)) {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
      found = isSchema(found) && Object.hasOwn(found, key) ? found[key] : undefined;
    }
    return found;
  }
}

function comment(property: unknown, indent: string): string[] {
  const text = isSchema(property) && typeof property.description === 'string' ? property.description : '';
  return text.trim() === '' ? [] : [`${indent}/** ${oneLine(text)} */`];
}

/** Text of a plugin inside of a comment, which it must not end. */
export function oneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\u2028\u2029\s]+/gu, ' ')
    .replaceAll('*/', '*\u200b/')
    .trim();
}

function literal(value: unknown): string {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value) ? JSON.stringify(value) : 'unknown';
}

function union(types: readonly string[]): string {
  if (types.length === 0) return 'never';
  return types.includes('unknown') ? 'unknown' : [...new Set(types.map(grouped))].join(' | ');
}

function grouped(type: string): string {
  return /^(readonly )|[|&]/.test(type) && !type.startsWith('{') ? `(${type})` : type;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
