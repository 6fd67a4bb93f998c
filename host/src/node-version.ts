/** What is used here came with this one. */
const MIN_NODE_MAJOR = 24;

/**
 * What to say to somebody whose Node.js is too old, undefined where it is new enough. Runs on any Node.js that knows modules: nothing
 * newer may be imported here.
 */
export function nodeTooOld(version: string): string | undefined {
  return Number(version.split('.')[0]) >= MIN_NODE_MAJOR
    ? undefined
    : `Bellows needs Node.js ${MIN_NODE_MAJOR} or newer; this is v${version}`;
}
