export { checkConfig } from './check-config.js';
export { type HostConfig, hostConfigSchema } from './config-schema.js';
export { type ConfigEntry, effectiveConfig } from './effective-config.js';
export { HOST_ERROR_CODES } from './error-codes.js';
export { type RunningHost, type StartOptions, startHost } from './host.js';
export type { HostOptions } from './host-options.js';
export type { HostStatus, HostView, ReadyReport, SubsystemStatus } from './host-view.js';
export { HOST_VERSION } from './version.js';
