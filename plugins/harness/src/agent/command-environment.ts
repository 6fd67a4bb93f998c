/** Of the host alone: they would steer an agent that is written in Node.js too, or make it take itself for a part of the host. */
const NOT_INHERITED = new Set(['NODE_OPTIONS', 'NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE', 'NODE_UNIQUE_ID']);

/**
 * The environment of a command: what is `given`, over that of the host without what is the host's own, and the session. `HOME`, `PATH`
 * and the keys of the provider of a model are the host's: agents of people run as these people.
 */
export function commandEnvironment(given: Readonly<Record<string, string>>, sessionId: string): Record<string, string> {
  const inherited = Object.entries(process.env).filter(([name]) => !NOT_INHERITED.has(name) && !name.startsWith('BELLOWS_'));
  const session = { BELLOWS_SESSION: sessionId };
  // the session is first, so that it is found at once, and what was given cannot change it
  return Object.assign({ ...session }, Object.fromEntries(inherited), given, session);
}
