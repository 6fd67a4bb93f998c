export const PLUGIN_STATES = [
  'discovered',
  'validated',
  'activating',
  'active',
  'degraded',
  'waiting',
  'blocked',
  'failed',
  'stopping',
  'stopped',
] as const;
export type PluginState = (typeof PLUGIN_STATES)[number];

/** What is known about one plugin. `reason` is a code for programs, `message` a sentence for people. */
export interface PluginStatus {
  readonly id: string;
  readonly version: string;
  readonly state: PluginState;
  readonly reason: string;
  readonly message: string;
  /** ms since 1970 of the last change of state. */
  readonly since: number;
  /** Which revision of the configuration this status describes. */
  readonly configRevision: number;
  /** The last failure to start, change or run it, also when it runs again: until a reload is taken, or a restart asked for succeeds. */
  readonly lastAttempt?: { readonly at: number; readonly code: string; readonly message: string };
}
