import { ConfigError, type ErrorDetail } from '@bellows/sdk';

/**
 * One error for all problems, as `bellows start` and `bellows check` show it. `file` is the configuration, where one was found; `undone`
 * what was left alone because of them.
 */
export function configError(
  problems: readonly ErrorDetail[],
  file?: string,
  undone: 'started' | 'changed' | 'restarted' | 'compared' | 'printed' = 'started',
): ConfigError {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return new ConfigError(
    'CONFIG_INVALID',
    `the configuration${file === undefined ? '' : ` ${file}`} has ${count}; nothing was ${undone}. Change what is listed and try again`,
    {
      phase: 'validate',
      details: problems,
    },
  );
}
