import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

/** What a package is for, beside its compiled code. */
const SHIPPED = [/^package\.json$/, /^plugin\.json$/, /^README\.md$/, /^LICENSE$/, /^dist\//, /^demo\//, /^stub-agent\//];
/** Inside of these: what is of use only where it was made. */
const NOT_SHIPPED = [/\.tsbuildinfo$/, /\.d\.ts\.map$/, /\.test\.[cm]?[jt]s$/, /(^|\/)(test|node_modules|compile-cache)\//];

/** Packs nothing to disk. Needs what was built. */
export async function packages({ root, files }) {
  const folders = files
    .filter((name) => /^(sdk|host|plugins\/[^/]+|docs\/examples\/[^/]+)\/package\.json$/.test(name))
    .map((name) => path.dirname(name))
    .filter((folder) => !packageOf(root, folder).private);
  return (await Promise.all(folders.map((folder) => problemsOf(root, folder)))).flat();
}

async function problemsOf(root, folder) {
  const pkgDir = path.join(root, folder);
  const pkg = packageOf(root, folder);
  if (!existsSync(path.join(pkgDir, 'dist'))) return [`${folder}: it is not built: npm run nx -- run-many -t build`];
  const shipped = shippedFiles(pkgDir);
  const { messages } = await publint({ pkgDir, strict: true, level: 'suggestion', pack: 'npm' });
  return [
    ...messages.map((message) => `${folder}: ${formatMessage(message, pkg, { color: false })}`),
    ...shipped.filter((name) => !isMeant(name)).map((name) => `${folder}: ${name} would be published: keep it out by \`files\``),
    ...licenseProblems(root, folder, shipped),
    ...namedTargets(pkg.exports)
      .filter((target) => !shipped.includes(target.replace(/^\.\//, '')))
      .map((target) => `${folder}: exports names ${target}, which is not published`),
  ];
}

function shippedFiles(pkgDir) {
  const text = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: pkgDir,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(text)[0].files.map(({ path: name }) => name);
}

/** A package goes without the repository around it, and npm puts in only what stands in its own folder. */
function licenseProblems(root, folder, shipped) {
  const [own, ours] = [path.join(root, folder), root].map((place) => path.join(place, 'LICENSE'));
  const isOurs = shipped.includes('LICENSE') && readFileSync(own, 'utf8') === readFileSync(ours, 'utf8');
  return isOurs ? [] : [`${folder}: the LICENSE of the repository would not be published with it: copy it to ${folder}/LICENSE`];
}

function isMeant(name) {
  return SHIPPED.some((pattern) => pattern.test(name)) && !NOT_SHIPPED.some((pattern) => pattern.test(name));
}

/** Of every condition but that of this workspace, whose sources are not published. */
function namedTargets(exports) {
  if (typeof exports === 'string') return [exports];
  return Object.entries(exports ?? {}).flatMap(([condition, target]) => (condition === '@bellows/source' ? [] : namedTargets(target)));
}

function packageOf(root, folder) {
  return JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8'));
}
