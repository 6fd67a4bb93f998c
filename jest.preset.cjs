const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  console.error(`Node.js 24 or newer is needed, this is ${process.version}. Use "npm test" or "npm run nx -- test <project>".`);
  process.exit(1); // a thrown error would come with a stack of Jest's
}

/**
 * Shared Jest settings. Tests run as ES modules (what ships), against the sources of this workspace: the condition
 * `@bellows/source` steers `@bellows/*` imports to `src`. Tests of built packages start real processes instead.
 */
module.exports = {
  // Node.js, and a test file fails that leaves something open.
  testEnvironment: require.resolve('./tools/leak-guard/environment.mjs'),
  // No test may fail because the machine is busy; this only ends what hangs.
  testTimeout: 60_000,
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  testEnvironmentOptions: { customExportConditions: ['@bellows/source', 'node', 'default'] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      require.resolve('@swc/jest'),
      {
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
};
