import { BellowsError, type IOperations, isBellowsError, type OperationDefinition, z } from '@bellows/sdk';

const input = z.strictObject({
  /** An operation that is expected to fail, and what to call it with. */
  operation: z.string().default('greeter.no-such-operation'),
  input: z.unknown().optional(),
});
const output = z.strictObject({
  module: z.string(),
  code: z.string(),
  sameBrand: z.boolean(),
  sameClass: z.boolean(),
});

/**
 * `greeter.sdk`: calls an operation that fails and compares the error with this plugin's own copy of the SDK.
 * `sameClass` is true only when whoever threw it (host or another plugin) loaded the very same module; `sameBrand` holds
 * between copies too, which is why programs test with `isBellowsError` and never with `instanceof`.
 */
export function sdkOperation(operations: Pick<IOperations, 'call'>): OperationDefinition<z.output<typeof input>, z.output<typeof output>> {
  return {
    name: 'greeter.sdk',
    summary: 'Tells whether another part of the host shares this plugin’s copy of the SDK.',
    role: 'reader',
    input,
    output,
    async handler(request) {
      const error = await operations.call(request.operation, request.input ?? {}).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      return {
        module: import.meta.resolve('@bellows/sdk'),
        code: isBellowsError(error) ? error.code : 'NO_ERROR',
        sameBrand: isBellowsError(error),
        sameClass: error instanceof BellowsError,
      };
    },
  };
}
