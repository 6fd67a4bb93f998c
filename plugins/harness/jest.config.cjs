module.exports = {
  ...require('../../jest.preset.cjs'),
  displayName: 'plugins/harness',
  // They wait more than they compute.
  maxWorkers: 2,
};
