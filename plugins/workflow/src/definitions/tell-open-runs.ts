import type { ILogger } from '@bellows/sdk';
import type { DefinitionRegistry } from './definition-registry.js';

export interface TellOptions {
  readonly definitions: Pick<DefinitionRegistry, 'unusable' | 'changedCode'>;
  /** How many runs of each name and version have not ended. */
  readonly store: { openRuns(): readonly OpenRuns[] };
  readonly logger: Pick<ILogger, 'info' | 'warn'>;
}

export interface OpenRuns {
  readonly name: string;
  readonly version: number;
  readonly runs: number;
}

/** Says at the start which runs cannot go on because their definition is gone, and which go on with other code. */
export function tellOpenRuns({ definitions, store, logger }: TellOptions): void {
  const unusable = definitions.unusable();
  const changed = definitions.changedCode;
  // with a million runs counting takes a while
  if (unusable.length + changed.length === 0) return;
  const open = new Map(store.openRuns().map((one) => [`${one.version} ${one.name}`, one.runs]));
  for (const { name, version, json } of unusable) {
    const runs = open.get(`${version} ${name}`) ?? 0;
    if (runs === 0) continue;
    const why = json === null ? 'which no file defines' : 'whose functions no file defines';
    logger.warn(`${runs === 1 ? '1 run waits' : `${runs} runs wait`} for ${name} version ${version}, ${why}`, { name, version, runs });
  }
  for (const { name, version } of changed) {
    const runs = open.get(`${version} ${name}`) ?? 0;
    if (runs === 0) continue;
    const use = runs === 1 ? '1 open run uses' : `${runs} open runs use`;
    logger.info(`code of ${name} version ${version} changed; ${use} the new code for stages to come`, { name, version, runs });
  }
}
