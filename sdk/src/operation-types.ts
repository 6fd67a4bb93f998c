import type { z } from 'zod';

/**
 * What the operations that a program knows take and answer, by their names: `{ 'compute.list': { input: …; output: … } }`. Empty here;
 * a plugin adds its own by declaration merging (`declare module '@bellows/sdk' { interface OperationTypes … }`), and whoever imports
 * the plugin's types calls with them.
 */
// biome-ignore lint/suspicious/noEmptyInterface: plugins fill it
export interface OperationTypes {}

/** Of the schemas of a plugin's operations, as the wire has them: what a default fills in may be left out of the input. */
export type OperationTypesOf<Id extends string, Schemas extends Readonly<Record<string, OperationSchemas>>> = {
  readonly [Verb in keyof Schemas & string as `${Id}.${Verb}`]: {
    readonly input: z.input<Schemas[Verb]['input']>;
    readonly output: z.output<Schemas[Verb]['output']>;
  };
};

export interface OperationSchemas {
  readonly input: z.ZodType;
  readonly output: z.ZodType;
}
