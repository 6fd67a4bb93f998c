#!/usr/bin/env node
// `npm run bench`: the figures this project promises, each beside a peer in the same run where there is one.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { busFigures } from './figures/bus.mjs';
import { cloneFigures } from './figures/clone.mjs';
import { harnessFigures } from './figures/harness.mjs';
import { httpFigures } from './figures/http.mjs';
import { inProcessFigures } from './figures/in-process.mjs';
import { memoryFigures } from './figures/memory.mjs';
import { operationFigures } from './figures/operations.mjs';
import { pageFigures } from './figures/page.mjs';
import { reloadFigures } from './figures/reload.mjs';
import { startFigures } from './figures/start.mjs';
import { storeFigures } from './figures/store.mjs';
import { supervisorFigures } from './figures/supervisor.mjs';
import { tutorialFigures } from './figures/tutorial.mjs';
import { workflowFigures } from './figures/workflow.mjs';
import { workspaceFigures } from './figures/workspace.mjs';
import { machine } from './machine.mjs';
import { compare, markdown, text } from './report.mjs';

/** Group: what it measures and how. Each answers `{ name, unit, better, values, note? }[]`; one value per round. */
const GROUPS = {
  start: ['exec to the first 200 of /ready, file cache warm', startFigures],
  memory: ['idle memory of the host and its executors', memoryFigures],
  http: ['compute.invoke over HTTP at 1, 8 and 64 callers', httpFigures],
  operations: ['what the host adds to a handler that is called in the same process', operationFigures],
  process: ['compute.invoke called by a plugin in the same process', inProcessFigures],
  bus: ['events to 1, 10 and 100 subscribers, bytes of a subscription, and over a bridge to a thread and a process', busFigures],
  workflow: ['durable workflows of three stages at 1, 100 and 1,000 at once; 10,000 open runs and a restart', workflowFigures],
  supervisor: ['restarts of a supervised child; Erlang/OTP beside it where it is installed', supervisorFigures],
  harness: ['sessions of a one-second agent at 4, 10 and 30 agents', harnessFigures],
  workspace: ['working copies of a repository of 1,000 files', workspaceFigures],
  store: ['stores: small values synced, a large one and the event loop meanwhile; a hit of the cache', storeFigures],
  reload: ['what stays in memory of plugins that were upgraded, or started again with another configuration', reloadFigures],
  page: ['the page in the system’s Chromium: bytes, cold start, 100 events a second', pageFigures],
  clone: ['fresh clone to ready; slow, and needs the network', cloneFigures],
  tutorial: ['fresh clone to a plugin by the tutorial; slow, and needs the network', tutorialFigures],
};
const DEFAULT_GROUPS = Object.keys(GROUPS);
const QUICK_GROUPS = DEFAULT_GROUPS.filter((name) => name !== 'clone' && name !== 'tutorial');
const REFERENCE = path.resolve(import.meta.dirname, '../../docs/reference/benchmarks.md');

const options = {
  help: { type: 'boolean', short: 'h' },
  quick: { type: 'boolean' },
  json: { type: 'string' },
  peers: { type: 'string' },
  against: { type: 'string' },
  write: { type: 'boolean' },
};
const { values, positionals } = parseArgs({ options, allowPositionals: true });
const unknown = positionals.filter((name) => !(name in GROUPS));
if (values.help || unknown.length > 0) {
  console.log(help());
  if (unknown.length > 0) console.error(`no such group: ${unknown.join(', ')}`);
  process.exit(unknown.length > 0 ? 2 : 0);
}

const chosen = positionals.length > 0 ? positionals : values.quick ? QUICK_GROUPS : DEFAULT_GROUPS;
const result = { ...machine(), quick: values.quick ?? false, figures: [] };
for (const name of chosen) {
  console.error(`${name}: ${GROUPS[name][0]} …`);
  const figures = await GROUPS[name][1]({ quick: values.quick ?? false, software: values.peers });
  result.figures.push(...figures);
  console.log(text(figures));
}
console.log(`\n${result.machine}\n${result.versions}`);
if (values.json) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
if (values.write) writeFileSync(REFERENCE, markdown(result));
if (values.against) {
  const worse = compare(result, JSON.parse(readFileSync(values.against, 'utf8')));
  for (const line of worse) console.error(line);
  if (worse.length === 0) console.log(`nothing is more than 10 % worse than ${values.against}`);
  process.exitCode = worse.length > 0 ? 1 : 0;
}

function help() {
  const groups = Object.entries(GROUPS).map(([name, [what]]) => `  ${name.padEnd(10)} ${what}`);
  return `usage: npm run bench [-- group…] [--quick] [--peers FOLDER] [--json FILE] [--against FILE] [--write]

${groups.join('\n')}

  --quick         one short round of each, without clone and tutorial: shows that it works, the figures mean little
  --peers FOLDER  measures workflow beside other products too, as far as they are installed in FOLDER, which should be outside of this
                  repository: \`npm install @dbos-inc/dbos-sdk\` (and a PostgreSQL server here), \`npm install bullmq ioredis\` (and a Redis)
  --json FILE     writes every value
  --against FILE  names each figure that is more than 10 % worse than in FILE (made with --json); ends with 1 when there is one
  --write         writes docs/reference/benchmarks.md`;
}
