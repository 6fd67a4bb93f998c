import fc from 'fast-check';

/**
 * Scripts for a supervisor: what it is made of, and what then happens to it. What a word of them means is told in README.md.
 * The same seed makes the same scripts, for one version of fast-check.
 */
export function makeScripts(count, seed) {
  const texts = new Set();
  // some are drawn twice: then more are drawn, from the seeds behind this one
  for (let round = 0; texts.size < count; round += 1) {
    for (const script of fc.sample(SCRIPT, { seed: seed + round, numRuns: count })) texts.add(JSON.stringify(script));
  }
  return [...texts].slice(0, count).map((text) => JSON.parse(text));
}

const STRATEGY = fc.constantFrom('one_for_one', 'one_for_all', 'rest_for_one');
const RESTART = fc.oneof(
  { arbitrary: fc.constant('permanent'), weight: 4 },
  { arbitrary: fc.constant('transient'), weight: 2 },
  { arbitrary: fc.constant('temporary'), weight: 1 },
);
const REASON = fc.oneof({ arbitrary: fc.constant('crash'), weight: 4 }, { arbitrary: fc.constantFrom('normal', 'shutdown'), weight: 1 });
/** One that ignores the request to stop must be given a time-out; a second is never used up, 40 ms always. */
const SHUTDOWN = fc.oneof(
  { arbitrary: fc.constantFrom('1000 obeys', 'infinity obeys', '1000 slow'), weight: 4 },
  { arbitrary: fc.constantFrom('kill obeys', 'kill ignores', '40 ignores'), weight: 1 },
);
/** First, second, … start: `+` comes up, `-` fails. Those beyond the list come up. */
const STARTS = fc
  .tuple(
    fc.oneof({ arbitrary: fc.constant('+'), weight: 30 }, { arbitrary: fc.constant('-'), weight: 1 }),
    fc.array(fc.constantFrom('+', '+', '-'), { maxLength: 6 }),
  )
  .map(([first, more]) => [first, ...more].join(''));
/** Erlang reads its clock in whole seconds here: a script either waits past a window of one second, or never leaves one of an hour. */
const SECONDS = fc.constantFrom(3600, 3600, 1);

const leaf = (id) => fc.tuple(RESTART, SHUTDOWN, STARTS).map((parts) => [id, ...parts].join(' '));
const leaves = (ids) => fc.tuple(...ids.map(leaf));
const sup = (children, seconds) => fc.record({ strategy: STRATEGY, max: fc.nat(4), seconds, children });

/** A transient one is not among them: there this project differs, on purpose. */
const NESTED = fc
  .tuple(fc.constantFrom('permanent', 'permanent', 'temporary'), sup(fc.oneof(leaves(['m']), leaves(['m', 'n'])), fc.constant(3600)))
  .map(([restart, script]) => ({ id: 's', restart, ...script }));

const CHILDREN = fc.oneof(
  leaves(['a', 'b']),
  leaves(['a', 'b', 'c']),
  leaves(['a', 'b', 'c', 'd']),
  leaves(['a']),
  fc.tuple(leaf('a'), NESTED, leaf('b')),
  fc.tuple(NESTED, leaf('a')),
);

/** Several that end before their supervisor hears of the first have one supervisor. */
const ends = (ids) =>
  fc
    .shuffledSubarray(ids, { minLength: Math.min(2, ids.length), maxLength: Math.min(3, ids.length) })
    .chain((some) => fc.tuple(...some.map((id) => REASON.map((reason) => `${id} ${reason}`))))
    .map((each) => `ends ${each.join(' ')}`);
const endOfOne = (ids) => fc.tuple(fc.constantFrom(...ids), REASON).map(([id, reason]) => `ends ${id} ${reason}`);
const call = (ids) => fc.tuple(fc.constantFrom('stop', 'restart', 'delete'), fc.constantFrom(...ids)).map((parts) => parts.join(' '));
const ADD = fc
  .constantFrom('x', 'x', 'x', 'a')
  .chain(leaf)
  .map((child) => `add ${child}`);

function stepFor({ children, seconds }) {
  const own = [...children.map((child) => child.id ?? child.split(' ')[0]), 'x'];
  const leaves = own.filter((id) => id !== 's');
  const nested = own.includes('s') ? ['m', 'n'] : leaves;
  return fc.oneof(
    { arbitrary: endOfOne([...leaves, ...nested]), weight: 5 },
    { arbitrary: fc.oneof(ends(leaves), ends(nested)), weight: 2 },
    { arbitrary: call(own), weight: 2 },
    { arbitrary: ADD, weight: 1 },
    // within an hour waiting changes nothing
    { arbitrary: fc.constant('wait'), weight: seconds === 1 ? 3 : 0 },
  );
}

const SCRIPT = sup(CHILDREN, SECONDS)
  .chain((script) => fc.array(stepFor(script), { minLength: 1, maxLength: 9 }).map((steps) => ({ ...script, steps })))
  .filter(isWorthRunning);

/** What is killed after 40 ms, time and again, could use up a second. */
function isWorthRunning({ seconds, children, steps }) {
  return seconds !== 1 || !JSON.stringify([children, steps]).includes(' 40 ');
}
