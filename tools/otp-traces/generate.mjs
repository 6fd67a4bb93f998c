#!/usr/bin/env node
// Writes sdk/test/otp-traces.json: random scripts, and what the supervisor of the Erlang/OTP on this machine did with each.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { erlangTerm } from './erlang-terms.mjs';
import { makeScripts } from './scripts.mjs';

const COUNT = 1_000;
const SEED = 27_182_818;
const TARGET = path.resolve(import.meta.dirname, '../../sdk/test/otp-traces.json');

const scripts = makeScripts(COUNT, SEED);
const first = runOnErlang(scripts);
const second = runOnErlang(scripts);
// a trace that a second run does not repeat depends on the machine, and says nothing
const kept = scripts.flatMap((script, index) =>
  first.traces[index] === second.traces[index] ? [{ ...script, trace: first.traces[index] }] : [],
);
const lines = kept.map((script) => JSON.stringify(script));
writeFileSync(TARGET, `{"otp":"${first.otp}","seed":${SEED},"scripts":[\n${lines.join(',\n')}\n]}\n`);
console.log(`${kept.length} of ${COUNT} scripts, run twice alike on Erlang/OTP ${first.otp}: ${path.relative(process.cwd(), TARGET)}`);

function runOnErlang(given) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'otp-traces-'));
  try {
    const [scriptsFile, tracesFile] = ['scripts', 'traces'].map((name) => path.join(folder, name));
    writeFileSync(scriptsFile, given.map((script) => `${erlangTerm(script)}\n`).join(''));
    const otp = execFileSync('escript', [path.join(import.meta.dirname, 'oracle.escript'), scriptsFile, tracesFile], {
      encoding: 'utf8',
    }).trim();
    return { otp, traces: readFileSync(tracesFile, 'utf8').trimEnd().split('\n') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
