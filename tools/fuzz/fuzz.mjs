#!/usr/bin/env node
// `npm run fuzz [-- target…] [--seed N] [--cases N] [--minutes N] [--json]`: what nobody should send, to every way in. A million cases
// by default, shared out over the targets. Ends with 1 at the first case that breaks a promise, and says how to see it again.
import { parseArgs } from 'node:util';
import { TARGETS } from './targets.mjs';

const CASES = 1_000_000;

const USAGE = `usage: npm run fuzz [-- target…] [--seed N] [--cases N] [--minutes N] [--json]\ntargets: ${Object.keys(TARGETS).join(', ')}`;

const { values, positionals } = parsed();
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const names = positionals.length > 0 ? positionals : Object.keys(TARGETS);
const unknown = names.filter((name) => !Object.hasOwn(TARGETS, name));
const numbers = { seed: Date.now() % 2 ** 31, cases: CASES, minutes: 0 };
for (const name of Object.keys(numbers)) {
  if (values[name] === undefined) continue;
  numbers[name] = Number(values[name]);
  if (!(numbers[name] >= 0)) unknown.push(`--${name} ${values[name]}`);
}
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}; targets are ${Object.keys(TARGETS).join(', ')}`);
  process.exit(2);
}

// not for a help text or a typing error: these bring all of the product
const [{ runTarget }, { startWatchdog }] = await Promise.all([import('./run-target.mjs'), import('./watchdog.mjs')]);
const tell = (line, facts) => console.log(values.json ? JSON.stringify(facts) : line);
const watchdog = startWatchdog();
const endAt = numbers.minutes > 0 ? performance.now() + numbers.minutes * 60_000 : 0;
const whole = names.reduce((sum, name) => sum + TARGETS[name].share, 0);
let { seed } = numbers;
let total = 0;
const startedAt = performance.now();
do {
  for (const name of names) {
    const cases = Math.max(1, Math.round((numbers.cases * TARGETS[name].share) / whole));
    const again = `npm run fuzz -- ${name} --seed ${seed} --cases ${cases}`;
    watchdog.enter(`${name}, seed ${seed} (again: ${again})`);
    const result = await runTarget(await TARGETS[name].load(), { name, seed, cases, watchdog });
    total += cases;
    if (result.failure !== undefined) {
      tell(`FAIL ${name}, seed ${seed}: ${result.failure}\n     case: ${result.counterexample}\n     again: ${again}`, {
        target: name,
        seed,
        cases,
        ok: false,
        failure: result.failure,
        counterexample: result.counterexample,
      });
      process.exit(1);
    }
    const seconds = Math.round(result.ms / 100) / 10;
    tell(`ok   ${name}, seed ${seed}: ${cases} cases in ${seconds} s`, {
      target: name,
      seed,
      cases,
      ok: true,
      seconds,
      outcomes: result.outcomes,
    });
    if (!values.json) for (const [what, count] of result.outcomes) console.log(`       ${String(count).padStart(8)}  ${what}`);
  }
  seed += 1;
} while (performance.now() < endAt);
tell(`${total} cases, none broke a promise, in ${Math.round((performance.now() - startedAt) / 1000)} s`, { total, ok: true });
watchdog.stop();
// a case may leave connections behind that nobody reads
process.exit(0);

function parsed() {
  const flag = { type: 'boolean', default: false };
  const text = { type: 'string' };
  try {
    return parseArgs({
      allowPositionals: true,
      options: { help: { ...flag, short: 'h' }, seed: text, cases: text, minutes: text, json: flag },
    });
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`);
    return process.exit(2);
  }
}
