const { isMap, parseDocument } = require('yaml');

/** The text of a configuration with one plugin more, and else as it was, or the problem with that in a sentence. */
exports.configWithPlugin = function configWithPlugin(text, name) {
  const document = parseDocument(text);
  const [fault] = document.errors;
  if (fault) return { problem: `bellows.yaml cannot be read (${fault.message.split('\n')[0]}): mend it first.` };
  if (document.contents !== null && !isMap(document.contents)) return { problem: 'bellows.yaml holds no options: mend it first.' };
  const plugins = document.get('plugins');
  if (plugins === undefined || plugins === null) document.set('plugins', document.createNode({}));
  else if (!isMap(plugins)) return { problem: 'plugins in bellows.yaml is no list of names with options: mend it first.' };
  else if (plugins.has(name)) return { problem: `bellows.yaml has an entry plugins.${name} already: leave out --addToConfig.` };
  document.setIn(['plugins', name], document.createNode({ from: `./plugins/${name}` }));
  return { text: document.toString({ lineWidth: 0 }) };
};
