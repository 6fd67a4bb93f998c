#!/usr/bin/env node
// `npm run chaos`: long, random, unfriendly runs that are too slow for the tests. One file of scenarios/ each, which exports `what` (a line)
// and `run({ random, durationMs, tell })`: it throws when a promise is broken, and answers what it did, as an object of numbers.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

/** A scenario that has not ended this long after its time is up hangs. */
const GRACE_MS = 60_000;
const FOLDER = path.join(import.meta.dirname, 'scenarios');

const options = { help: { type: 'boolean', short: 'h' }, seed: { type: 'string' }, seconds: { type: 'string', default: '30' } };
const { values, positionals } = parseArgs({ options, allowPositionals: true });
const names = readdirSync(FOLDER).map((file) => path.basename(file, '.mjs'));
const unknown = positionals.filter((name) => !names.includes(name));
const seconds = Number(values.seconds);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed);
if (values.help || unknown.length > 0 || !(seconds > 0) || !Number.isSafeInteger(seed)) {
  console.log(await help());
  if (!values.help) console.error(unknown.length > 0 ? `no such scenario: ${unknown.join(', ')}` : '--seconds and --seed take numbers');
  process.exit(values.help ? 0 : 2);
}
for (const name of positionals.length > 0 ? positionals : names) await play(name);

async function play(name) {
  const again = `npm run chaos -- ${name} --seed ${seed} --seconds ${seconds}`;
  console.log(`${name}: ${again}`);
  const { run } = await import(path.join(FOLDER, `${name}.mjs`));
  const hanging = setTimeout(
    () => {
      console.error(`${name} hangs; again: ${again}`);
      process.exit(1);
    },
    seconds * 1000 + GRACE_MS,
  );
  try {
    const did = await run({ random: randomFrom(seed), durationMs: seconds * 1000, tell: (line) => console.log(`  ${line}`) });
    console.log(`  kept: ${JSON.stringify(did)}`);
  } catch (error) {
    console.error(`${name} broke a promise; again: ${again}\n${error.stack}`);
    process.exit(1);
  } finally {
    clearTimeout(hanging);
  }
}

/** Numbers from 0 to below 1, the same for the same seed (a linear congruential generator modulo 2^32). */
function randomFrom(start) {
  let state = start >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

async function help() {
  const lines = await Promise.all(
    names.map(async (name) => `  ${name.padEnd(12)} ${(await import(path.join(FOLDER, `${name}.mjs`))).what}`),
  );
  return `usage: npm run chaos [-- scenario…] [--seconds N] [--seed N]

${lines.join('\n')}

  --seconds N  how long each runs (30)
  --seed N     the random choices of an earlier run, which prints it`;
}
