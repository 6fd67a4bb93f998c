import type {
  CallOptions,
  IClock,
  IPersistentBackingStore,
  IRandom,
  IScalableSubsystem,
  OperationDefinition,
  PluginContext,
} from '@bellows/sdk';
import type { WorkflowConfig } from '../../src/config.js';

export interface ContextOptions {
  readonly config: WorkflowConfig;
  readonly dataDir: string;
  readonly configFolder?: string;
  readonly store: IPersistentBackingStore;
  readonly operations?: ReadonlyMap<string, (input: unknown, options: CallOptions) => unknown>;
  readonly clock?: IClock;
  readonly random?: IRandom;
}

export function makeContext(options: ContextOptions): {
  readonly context: PluginContext<WorkflowConfig>;
  readonly provided: ReadonlyMap<string, OperationDefinition<never, unknown>>;
  readonly subsystems: readonly IScalableSubsystem[];
  /** What the plugin says of itself: reasons and messages. */
  readonly troubles: ReadonlyMap<string, string>;
  release(): Promise<void>;
};
