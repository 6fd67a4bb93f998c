import fc from 'fast-check';

/** Names that mean something to JavaScript, to our files or to a shell. */
const NAMES = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'then',
  'toJSON',
  'length',
  '',
  '..',
  '../../etc/passwd',
  '\u0000',
  '\ud800',
  '${env:HOME}',
  '${input.__proto__}',
  '${stages.a.output',
  '$(id)',
  'a'.repeat(300),
];

export const hostileText = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.string({ maxLength: 2_000 }) },
);

const scalar = fc.oneof(
  hostileText,
  fc.constantFrom(null, true, false, 0, -0, -1, 1e308, 2 ** 53, 1.5, Number.MIN_VALUE),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

/** What JSON can hold, with `__proto__` as a key of its own where it comes up. */
export const hostileJson = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(hostileText, tie('value')), { maxLength: 4 }).map(withOwnKeys),
    fc.integer({ min: 1, max: 600 }).map(nested),
  ),
})).value;

const ODD = ['getter', 'proxy', 'circle', 'null-prototype', 'frozen', 'revoked', 'date', 'map', 'bytes', 'toJSON', 'thenable', 'class'];

/** What only a program can hand over. The odd ones are made by `real`, within the case: fast-check itself trips over some. */
export const hostileObject = fc.oneof(
  { weight: 3, arbitrary: hostileJson },
  { weight: 1, arbitrary: fc.constantFrom(undefined, Number.NaN, Number.POSITIVE_INFINITY, 1n, Symbol('s'), () => 1) },
  {
    weight: 2,
    arbitrary: fc.record({ odd: fc.constantFrom(...ODD), below: fc.option(fc.constantFrom('subsystem', 'plugin', 'name', 'input')) }),
  },
);

/** The value that a case stands for. */
export function real(value) {
  if (typeof value !== 'object' || value === null || !ODD.includes(value.odd)) return value;
  const made = oddObject(value.odd);
  return value.below === null ? made : { [value.below]: made };
}

/** An object that is right, with values, keys and places changed here and there. */
export function mutated(arbitrary, values = hostileJson) {
  return fc
    .tuple(arbitrary, fc.array(fc.tuple(fc.array(fc.nat(20), { maxLength: 6 }), fc.nat(4), hostileText, values), { maxLength: 3 }))
    .map(([base, changes]) => changes.reduce((tree, change) => changedAt(tree, change), structuredClone(base)));
}

/** Text that is right, with pieces cut out, put in and doubled. */
export function mutatedText(arbitrary) {
  const change = fc.tuple(
    fc.nat(5_000),
    fc.nat(40),
    fc.oneof(hostileText, fc.constantFrom('\n', '  ', '- ', ': ', '&a', '*a', '!!js', '{', '}', '"', '|', '<<: ')),
  );
  return fc.tuple(arbitrary, fc.array(change, { maxLength: 4 })).map(([text, changes]) =>
    changes.reduce((now, [at, length, piece]) => {
      const start = now.length === 0 ? 0 : at % (now.length + 1);
      return now.slice(0, start) + piece + now.slice(start + length);
    }, text),
  );
}

function changedAt(tree, [path, kind, key, value]) {
  let parent = tree;
  let last;
  for (const step of path) {
    if (typeof parent !== 'object' || parent === null) break;
    const keys = Object.keys(parent);
    if (keys.length === 0) break;
    last = [parent, keys[step % keys.length]];
    parent = parent[last[1]];
  }
  if (last === undefined) return kind === 0 ? value : tree;
  const [owner, name] = last;
  if (kind === 0) delete owner[name];
  else if (kind === 1) define(owner, key, value);
  else define(owner, name, value);
  return tree;
}

function withOwnKeys(entries) {
  const made = {};
  for (const [key, value] of entries) define(made, key, value);
  return made;
}

function define(owner, key, value) {
  // that is no key of a list, but how long it is
  if (Array.isArray(owner) && key === 'length') return;
  Object.defineProperty(owner, key, { value, enumerable: true, configurable: true, writable: true });
}

function nested(depth) {
  let value = [];
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

function oddObject(kind) {
  const thrower = () => {
    throw new Error('hostile');
  };
  switch (kind) {
    case 'getter':
      return Object.defineProperty({}, 'subsystem', { get: thrower, enumerable: true });
    case 'proxy':
      return new Proxy({}, { get: thrower, has: thrower, ownKeys: thrower, getPrototypeOf: thrower, getOwnPropertyDescriptor: thrower });
    case 'circle': {
      const circle = {};
      circle.self = circle;
      return circle;
    }
    case 'null-prototype':
      return Object.assign(Object.create(null), { subsystem: 'a' });
    case 'frozen':
      return Object.freeze({ subsystem: Object.freeze([]) });
    case 'revoked': {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      return proxy;
    }
    case 'date':
      return new Date(Number.NaN);
    case 'map':
      return new Map([['__proto__', 1]]);
    case 'bytes':
      return new Uint8Array(10);
    case 'toJSON':
      return { toJSON: thrower };
    case 'thenable':
      return Object.fromEntries([['then', 1]]);
    default:
      return new (class Odd {
        #hidden = 1;
        get value() {
          return this.#hidden;
        }
      })();
  }
}
