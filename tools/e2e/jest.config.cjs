module.exports = { ...require('../../jest.preset.cjs'), displayName: 'tools/e2e' };
