/** As the manifest demands it; `sdk/src/plugin-manifest.ts`. */
const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const MAX_LENGTH = 64;

/** Names of the host, of what it has in the data folder, and of the packages around it. */
const OF_BELLOWS = 'bellows docs e2e files host logs sdk staging testing tools version'.split(' ');
/** `.gitignore` names them wherever they are. */
const OF_BUILDS = ['coverage', 'dist'];
const OF_JAVASCRIPT =
  'arguments async await break case catch class const constructor continue debugger default delete do else enum eval export extends false finally for function if implements import in instanceof interface let new null package private protected prototype public return static super switch this throw true try typeof undefined var void while with yield'.split(
    ' ',
  );
/** A folder of this name cannot be checked out on Windows. */
const OF_WINDOWS = /^(aux|con|nul|prn|com[0-9]|lpt[0-9])$/;

/** Says in a sentence why no plugin can have this name, or nothing. `taken` are the names there are, by where each stands. */
exports.nameProblem = function nameProblem(name, taken) {
  if (typeof name !== 'string' || !NAME.test(name)) {
    const near = typeof name === 'string' ? suggestionFor(name) : '';
    const shown = `A plugin cannot be called ${JSON.stringify(name)}: use lower-case words of a-z and 0-9 joined by single hyphens, the first of which begins with a letter`;
    return `${shown}, such as ${NAME.test(near) ? near : 'my-plugin'}.`;
  }
  if (name.length > MAX_LENGTH) return `The name has ${name.length} characters: use at most ${MAX_LENGTH}.`;
  if (OF_BELLOWS.includes(name)) return `A plugin cannot be called ${name}: Bellows uses that name itself. Choose another one.`;
  if (OF_BUILDS.includes(name)) return `A plugin cannot be called ${name}: git ignores folders of that name. Choose another one.`;
  if (OF_JAVASCRIPT.includes(name)) return `A plugin cannot be called ${name}: the word has a meaning in JavaScript. Choose another one.`;
  if (OF_WINDOWS.test(name)) return `A plugin cannot be called ${name}: Windows has no folders of that name. Choose another one.`;
  // file systems that ignore case would take them for one
  const place = taken.get(name.toLowerCase());
  return place === undefined
    ? undefined
    : `There is a plugin called ${name} already, in ${place}. Choose another name, or remove that one.`;
};

/** Letters without their accents; of a name with other letters nothing that is left would be its name. */
function suggestionFor(name) {
  const plain = name.normalize('NFKD').replace(/\p{M}/gu, '');
  if (/[^\P{L}a-z]/iu.test(plain)) return '';
  const words = plain
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .match(/[a-z0-9]+/g);
  return (words ?? []).join('-').slice(0, MAX_LENGTH);
}
