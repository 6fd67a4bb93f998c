const { spawnSync } = require('node:child_process');
const { lstatSync, mkdirSync, symlinkSync } = require('node:fs');
const path = require('node:path');
const { generateFiles, joinPathFragments } = require('@nx/devkit');
const { configWithPlugin } = require('./plugin-config.cjs');
const { nameProblem } = require('./plugin-name.cjs');

const CONFIG = 'bellows.yaml';

/**
 * `npm run nx -- g ./tools:plugin <name>`. Everything is checked before anything is written. It asks no registry: the plugin needs
 * nothing that is not there, so its place in the lock file and its link are all that npm has to know.
 */
module.exports = async function pluginGenerator(tree, { name, description, addToConfig = false }) {
  const problem = nameProblem(name, takenNames(tree));
  if (problem) throw new Error(problem);
  const config = addToConfig ? configWith(name, tree) : undefined;

  const folder = joinPathFragments('plugins', name);
  const className = name.replace(/(^|-)([a-z0-9])/g, (_match, _hyphen, letter) => letter.toUpperCase());
  const sentence = oneLine(description) || 'Makes fingerprints of texts, as many at once as its limit allows.';
  generateFiles(tree, path.join(__dirname, 'files'), folder, { name, className, description: sentence });
  // what a package is published with has to stand in its own folder
  tree.write(joinPathFragments(folder, 'LICENSE'), tree.read('LICENSE'));
  if (config !== undefined) tree.write(CONFIG, config);

  return () => {
    format(tree.root, folder);
    tellNpm(tree.root, name);
    console.log(nextSteps(name, folder, addToConfig));
  };
};

/** By lower-case name: where it stands. A plugin may have an id that is not its folder's name. */
function takenNames(tree) {
  const taken = new Map();
  for (const parent of ['plugins', 'docs/examples']) {
    for (const child of tree.children(parent)) {
      const place = `${parent}/${child}`;
      const id = tree.exists(`${place}/plugin.json`) ? JSON.parse(tree.read(`${place}/plugin.json`, 'utf-8')).id : undefined;
      for (const name of parent === 'plugins' ? [child, id] : [id]) if (typeof name === 'string') taken.set(name.toLowerCase(), place);
    }
  }
  return taken;
}

function configWith(name, tree) {
  if (!tree.exists(CONFIG)) throw new Error(`There is no ${CONFIG} here to add the plugin to: leave out --addToConfig.`);
  const { problem, text } = configWithPlugin(tree.read(CONFIG, 'utf-8'), name);
  if (problem) throw new Error(problem);
  return text;
}

function oneLine(text) {
  return text?.replaceAll(/\s+/g, ' ').trim();
}

/** The length of the name decides where lines break and how imports are sorted. */
function format(root, folder) {
  const biome = path.join(root, 'node_modules/@biomejs/biome/bin/biome');
  const args = [biome, 'check', '--write', '--error-on-warnings', folder];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${folder} was written, but Biome finds fault with it:\n${stdout}${stderr}`);
}

/** What `npm install` would change for a package without new dependencies: an entry of the lock file, and a link. */
function tellNpm(root, name) {
  const npm = path.basename(process.env.npm_execpath ?? '') === 'npm-cli.js' ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const args = [...npm.slice(1), 'install', '--package-lock-only', '--ignore-scripts', '--offline', '--no-audit', '--no-fund'];
  const { status, stdout, stderr } = spawnSync(npm[0], args, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32' && npm[0] === 'npm',
  });
  if (status !== 0) {
    throw new Error(`plugins/${name} was written, but npm could not note it in package-lock.json: run npm install.\n${stdout}${stderr}`);
  }
  const link = path.join(root, 'node_modules/@bellows', `plugin-${name}`);
  if (lstatSync(link, { throwIfNoEntry: false })) return;
  mkdirSync(path.dirname(link), { recursive: true });
  if (process.platform === 'win32') symlinkSync(path.join(root, 'plugins', name), link, 'junction');
  else symlinkSync(path.join('../../plugins', name), link);
}

function nextSteps(name, folder, isInConfig) {
  const entry = isInConfig ? '' : `Add it to ${CONFIG}, below plugins:\n\n  ${name}: { from: ./${folder} }\n\n`;
  return `
${folder} is written, formatted, and noted in package-lock.json (which belongs into the commit). Run its tests:

  npm run nx -- test @bellows/plugin-${name}

${entry}Start the host, and in a second terminal call it:

  npm start
  npx bellows call ${name}.fingerprint '{ "text": "hello" }'
`;
}
