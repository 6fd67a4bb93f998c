import type { OperationInfo } from '@bellows/sdk';
import { oneLine, printType } from './print-type.js';

/** A TypeScript file with the interface `HostOperations`, for `createClient<HostOperations>(…)`. The same operations give the same text. */
export function printOperationTypes(operations: readonly Pick<OperationInfo, 'name' | 'summary' | 'input' | 'output'>[]): string {
  const entries = operations.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(printOperation);
  return `// Made by \`bellows client types\`: what the operations of a host take and answer. Make it again when its plugins change.

export interface HostOperations {
${entries.join('\n')}
}
`;
}

function printOperation({ name, summary, input, output }: Pick<OperationInfo, 'name' | 'summary' | 'input' | 'output'>): string {
  return `  /** ${oneLine(summary)} */
  readonly ${JSON.stringify(name)}: {
    readonly input: ${printType(input, '    ')};
    readonly output: ${printType(output, '    ')};
  };`;
}
