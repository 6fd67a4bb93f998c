import { DEFAULT_SCALE_CONFIG, type ScaleConfig, scaleConfigSchema } from '../config.js';
import { harnessError } from '../errors.js';

/**
 * The documented defaults where `given` is silent; the default of `minWorkers` follows a lower `maxWorkers`.
 * `SCALE_CONFIG_INVALID` for numbers that contradict each other.
 */
export function scaleConfigFrom(given: Partial<ScaleConfig> = {}): ScaleConfig {
  const parsed = scaleConfigSchema.safeParse({ ...DEFAULT_SCALE_CONFIG, ...given });
  if (!parsed.success) throw invalid(parsed.error.issues.map(problemOf).join('; '));
  const config = parsed.data;
  const minWorkers =
    config.minWorkers === DEFAULT_SCALE_CONFIG.minWorkers ? Math.min(config.minWorkers, config.maxWorkers) : config.minWorkers;
  const problems = contradictions({ ...config, minWorkers });
  if (problems.length > 0) throw invalid(problems.join('; '));
  return Object.freeze({ ...config, minWorkers });
}

function problemOf({ path, message }: { readonly path: readonly PropertyKey[]; readonly message: string }): string {
  return `${path.join('.')}: ${message}`;
}

function contradictions({ minWorkers, maxWorkers, scaleUpThreshold, scaleDownThreshold }: ScaleConfig): string[] {
  const problems: string[] = [];
  if (minWorkers > maxWorkers) problems.push(`minWorkers ${minWorkers} is above maxWorkers ${maxWorkers}`);
  if (scaleDownThreshold >= scaleUpThreshold) {
    problems.push(`scaleDownThreshold ${scaleDownThreshold} is not below scaleUpThreshold ${scaleUpThreshold}`);
  }
  return problems;
}

function invalid(problem: string) {
  return harnessError('SCALE_CONFIG_INVALID', `The scale configuration cannot work: ${problem}. Correct these numbers`);
}
