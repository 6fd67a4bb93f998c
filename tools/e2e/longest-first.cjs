const { existsSync } = require('node:fs');
const path = require('node:path');
const { default: Sequencer } = require('@jest/test-sequencer');

/** Each takes half a minute and more. Where they were never timed, Jest begins with the largest files, and these come last, alone. */
const LONGEST = ['documents', 'demo', 'page-connection', 'generator', 'signals', 'build-cache', 'reload'];

const fileOf = (name) => path.join(__dirname, 'test', `${name}.e2e.test.ts`);
for (const name of LONGEST) if (!existsSync(fileOf(name))) throw new Error(`longest-first.cjs names ${name}, which is no test any more`);

module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    const rankOf = ({ path: file }) => LONGEST.findIndex((name) => fileOf(name) === file);
    const isLong = (test) => rankOf(test) >= 0;
    const long = tests.filter(isLong).sort((a, b) => rankOf(a) - rankOf(b));
    return [...long, ...super.sort(tests.filter((test) => !isLong(test)))];
  }
};
