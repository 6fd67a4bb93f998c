import type { OperationTypesOf } from '@bellows/sdk';
import type { schemas } from './operation-schemas.js';

/** What the operations of this plugin take and answer, by name. */
export type ComputeOperationTypes = OperationTypesOf<'compute', typeof schemas>;

declare module '@bellows/sdk' {
  interface OperationTypes extends ComputeOperationTypes {}
}
