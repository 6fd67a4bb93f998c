module.exports = {
  ...require('../../jest.preset.cjs'),
  displayName: 'plugins/harness',
  // Tests with real executors wait for processes; on a loaded machine these take their time.
  testTimeout: 30_000,
  // They wait more than they compute.
  maxWorkers: 2,
};
