export type { ReloadReport } from '../reload/reload-report.js';
export { checkPlugin } from './check-plugin.js';
export type { TestHostOptions, TestReload } from './launch-test-host.js';
export type { CheckedPlugin, CheckPluginOptions } from './plugin-under-check.js';
export { startTestHost, type TestHost } from './start-test-host.js';
export { TEST_MACHINE } from './test-machine.js';
export type { BuiltPlugin, FolderTestPlugin, GivenTestPlugin, PluginModule, TestPlugin, TestPluginEntry } from './test-plugin.js';
