import { isBellowsError, type Reconfiguration } from '@bellows/sdk';
import type { HarnessConfig } from './config.js';
import { harnessError } from './errors.js';
import type { Coordinator } from './jobs/coordinator.js';

/**
 * Takes a change of live options over whole. `SCALE_CHANGE_REFUSED` for numbers that contradict each other, and the reason of the signal where
 * it came too late: then nothing was changed.
 */
export function reconfigure(coordinator: Coordinator, { config, signal }: Reconfiguration<HarnessConfig>): void {
  signal.throwIfAborted();
  try {
    coordinator.reconfigure(config);
  } catch (error) {
    if (!isBellowsError(error) || error.code !== 'SCALE_CONFIG_INVALID') throw error;
    throw harnessError('SCALE_CHANGE_REFUSED', error.message, { phase: 'reconfigure', cause: error });
  }
}
