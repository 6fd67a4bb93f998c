// No `@bellows/source` condition: what is tested here is what is built, also where a test loads it into its own process.
module.exports = {
  ...require('../../jest.preset.cjs'),
  displayName: 'tools/e2e',
  testEnvironmentOptions: { customExportConditions: ['node', 'default'] },
  testSequencer: require.resolve('./longest-first.cjs'),
  // They wait more than they work: two at a time take half as long on two cores, more only get in each other's way.
  maxWorkers: 2,
  // Tests wait for real processes; on a loaded machine these take their time.
  testTimeout: 300_000,
};
