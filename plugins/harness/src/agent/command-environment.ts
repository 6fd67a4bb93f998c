import type { CommandSpec } from '../jobs/session-contracts.js';

/** Of the host alone: they would steer an agent that is written in Node.js too, or make it take itself for a part of the host. */
const NOT_INHERITED = new Set([
  'NODE_OPTIONS',
  'NODE_CHANNEL_FD',
  'NODE_CHANNEL_SERIALIZATION_MODE',
  'NODE_TEST_CONTEXT',
  'NODE_UNIQUE_ID',
  'NODE_V8_COVERAGE',
  'OLDPWD',
]);

/**
 * Of a repository, which is never that of the command: set in hooks of git and what they start (`git rev-parse --local-env-vars`). Those
 * of `GIT_CONFIG_COUNT` are settings that an operator made for every repository.
 */
const OF_A_REPOSITORY =
  /^GIT_(ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|CONFIG|CONFIG_PARAMETERS|DIR|GRAFT_FILE|IMPLICIT_WORK_TREE|INDEX_FILE|INTERNAL_SUPER_PREFIX|NAMESPACE|NO_REPLACE_OBJECTS|OBJECT_DIRECTORY|PREFIX|QUARANTINE_PATH|REPLACE_REF_BASE|SHALLOW_FILE|WORK_TREE)$/;

/**
 * The environment of a command: what is given in `env`, over that of the host without what is the host's own, and the session. `HOME`, `PATH`
 * and the keys of the provider of a model are the host's: agents of people run as these people.
 */
export function commandEnvironment({ env, cwd, sessionId }: Pick<CommandSpec, 'env' | 'cwd' | 'sessionId'>): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !NOT_INHERITED.has(name) && !name.startsWith('BELLOWS_') && !OF_A_REPOSITORY.test(name),
  );
  const session = { BELLOWS_SESSION: sessionId };
  // the session is first, so that it is found at once, and what was given cannot change it; make and others believe PWD
  return Object.assign({ ...session }, Object.fromEntries(inherited), { PWD: cwd }, env, session);
}
