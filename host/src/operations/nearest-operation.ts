import { nearestName } from '@bellows/sdk';

/** As `nearestName` for operations; also one whose verb is or is near what was given: `greet` finds `greeter.greet`. */
export function nearestOperation(given: string, known: readonly string[]): string | undefined {
  const near = nearestName(given, known);
  if (near !== undefined) return near;
  const verbs = new Map(known.toReversed().map((name) => [name.slice(name.lastIndexOf('.') + 1), name]));
  const verb = verbs.has(given) ? given : nearestName(given, verbs.keys());
  return verb === undefined ? undefined : verbs.get(verb);
}
