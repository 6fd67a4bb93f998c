module.exports = { ...require('../../../jest.preset.cjs'), displayName: 'examples/greeter' };
