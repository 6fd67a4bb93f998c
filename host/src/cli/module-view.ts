import type { CliOutput } from './cli-deps.js';
import { plain, printLines, printTable } from './print.js';

/** What `compute.get` answers, all of it optional: the host that is asked may be older or newer than this command. */
export interface ModuleView {
  readonly name?: string;
  readonly hash?: string;
  readonly bytes?: number;
  readonly kind?: string;
  readonly exports?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly params?: readonly string[];
    readonly results?: readonly string[];
  }[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly pool?: Readonly<Record<'size' | 'warm' | 'hits' | 'misses' | 'overflow', number>>;
  readonly calls?: number;
  readonly lastErrors?: readonly { readonly code: string; readonly message: string; readonly at: number }[];
}

/** A large module exports thousands; `--json` has them all. */
const SHOWN_EXPORTS = 20;

export function printModule(output: CliOutput, module: ModuleView): void {
  const { name, kind, bytes, hash, calls, pool, exports = [], config = {}, lastErrors = [] } = module;
  const functions = exports.filter((entry) => entry.kind === 'function');
  printLines(output, '', [
    ['module', name],
    ['kind', kind],
    ['bytes', bytes],
    ['hash', hash],
    ['calls', calls],
    [
      'pool',
      pool && `${pool.warm} ready of ${pool.size}; ${pool.hits} hits, ${pool.misses} misses, ${pool.overflow} of them past the pool`,
    ],
    ['exports', functions.length === 0 ? undefined : functions.slice(0, SHOWN_EXPORTS).map(signature).join('\n')],
    ['', functions.length > SHOWN_EXPORTS ? `and ${functions.length - SHOWN_EXPORTS} more` : undefined],
  ]);
  if (Object.keys(config).length > 0) {
    output.write('\nlimits\n');
    printLimits(output, config);
  }
  if (lastErrors.length === 0) {
    output.write('\nno errors since the host started\n');
    return;
  }
  output.write('\nlast errors\n');
  printTable(
    output,
    ['AT', 'CODE', 'MESSAGE'],
    lastErrors.map(({ at, code, message }) => [new Date(at).toISOString(), code, message]),
  );
}

/** `changed` are the options this command has set. */
export function printLimits(output: CliOutput, config: Readonly<Record<string, unknown>>, changed: ReadonlySet<string> = new Set()): void {
  printLines(
    output,
    '  ',
    Object.entries(config).map(([option, value]) => [
      option,
      `${typeof value === 'string' ? value : JSON.stringify(value)}${changed.has(option) ? '  (set now)' : ''}`,
    ]),
  );
}

function signature({ name, params, results }: NonNullable<ModuleView['exports']>[number]): string {
  const answer = results?.length ? ` -> ${results.join(', ')}` : '';
  return plain(`${name}(${(params ?? []).join(', ')})${answer}`);
}
