#!/usr/bin/env node
// `npx --no-install bellows …` in a clone. Runs on an old Node too: run.mjs starts the host's command line on the provided one.
process.env.INIT_CWD ??= process.cwd();
process.argv.splice(2, 0, 'bellows');
await import('./run.mjs');
