import { type Finding, fail, ok, type Place, unknown } from './finding.js';

export async function checkConfiguration({ configFile, configProblems }: Place): Promise<Finding> {
  if (configProblems.length === 0) return ok(configFile ?? 'built in');
  return fail(configProblems.join('; '), 'Mend it; "bellows check" shows each fault with its line.');
}

/** Loads what the plugins say of themselves, not their code; with a broken configuration, of those that can be understood. */
export async function checkPlugins({ probes, configFile }: Place): Promise<Finding> {
  const { problems, plugins } = await probes.readPlugins();
  if (problems.length > 0) return fail(problems.join('; '), 'Mend it; "bellows check" shows each fault with its line.');
  if (configFile === undefined) return unknown('there is no configuration that could name them');
  return ok(plugins.length === 0 ? 'the configuration names none' : plugins.join(', '));
}
