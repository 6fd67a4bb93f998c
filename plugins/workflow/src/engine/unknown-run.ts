import { shortened } from '../definitions/shortened.js';
import { workflowError } from '../errors.js';

/** Also for a run that somebody may not see: that it is there is not told either. */
export function unknownRunError(id: string) {
  return workflowError('RUN_UNKNOWN', `There is no run "${shortened(id)}": it was never started, or removed after its time of retention`);
}
