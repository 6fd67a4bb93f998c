import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from '@bellows/sdk';
import { code, table } from './markdown.mjs';

/** Files that describe plugins shipped here: the package, the folder. */
const PLUGINS = [
  ['@bellows/plugin-compute', 'plugins/compute'],
  ['@bellows/plugin-workflow', 'plugins/workflow'],
  ['@bellows/plugin-harness', 'plugins/harness'],
  ['@bellows/example-greeter', 'docs/examples/greeter'],
];

export async function configPages(root) {
  const { configEditorSchema, hostConfigSchema } = await import('@bellows/host');
  const pages = new Map();
  add(pages, {
    name: 'host',
    title: 'bellows.yaml',
    intro: `The options of the host itself. Relative paths are meant from the folder of the file; \`\${env:NAME}\` and \`\${file:PATH}\` are
replaced in every text. Braces have a meaning of their own in YAML's flow style, so write such a value in quotes there:
\`{ key: "\${env:NAME}" }\`; in block style (\`key: \${env:NAME}\`) it needs none. A flag wins over the environment, the environment over the file, the file over the default.
What a plugin takes under \`plugins.<id>.config\` is on its own page: ${PLUGINS.map(([, folder]) => idOf(root, folder))
      .map((id) => `[${id}](${id}.md)`)
      .join(', ')}.`,
    schema: hostConfigSchema,
    base: '',
  });
  const described = [];
  for (const [name, folder] of PLUGINS) {
    const id = idOf(root, folder);
    const { default: plugin } = await import(name);
    described.push({ id, config: plugin.config });
    add(pages, {
      name: id,
      title: `plugins.${id}.config`,
      intro: `The options of the plugin \`${id}\` (package \`${name}\`), under \`plugins.${id}.config\` in bellows.yaml or in its \`configFile\`.`,
      schema: plugin.config,
      base: '',
    });
  }
  pages.set('config/bellows.schema.json', `${JSON.stringify(configEditorSchema(described), null, 2)}\n`);
  return pages;
}

function add(pages, { name, title, intro, schema, base }) {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  pages.set(`config/${name}.schema.json`, `${JSON.stringify({ $id: `${name}.schema.json`, title, ...json }, null, 2)}\n`);
  const head = ['option', 'type', 'default', 'what it is', 'raise it', 'lower it', 'change'];
  const note = `\nCompletion in editors, with the options of the plugins: \`bellows config schema --output bellows.schema.json\`, and \`# yaml-language-server: $schema=bellows.schema.json\` on the first line of bellows.yaml.\n`;
  pages.set(
    `config/${name}.md`,
    `# ${title}\n\n${intro}\n\n${table(
      head,
      rowsOf(json, base).map((row) => withRestart(row, name)),
    )}\n${name === 'host' ? note : ''}`,
  );
}

/** One row for each option; of a mapping with free names, the options below `<name>`. */
function rowsOf(schema, at) {
  const inner = Object.entries(schema.properties ?? {}).map(([key, value]) => [at === '' ? key : `${at}.${key}`, value]);
  const free = schema.additionalProperties;
  if (typeof free === 'object' && free.properties) inner.push([at === '' ? '<name>' : `${at}.<name>`, free]);
  if (inner.length === 0) return [rowOf(schema, at)];
  return inner.flatMap(([key, value]) =>
    value.properties || value.additionalProperties?.properties ? rowsOf(value, key) : [rowOf(value, key)],
  );
}

function rowOf(schema, at) {
  const { description, unit, raise, lower, change, secret } = schema;
  if (!description) throw new Error(`The option ${at} has no words: describe it with option(…)`);
  const type = `${typeOf(schema)}${secret ? ', secret' : ''}${unit ? `, ${unit}` : ''}${range(schema)}`;
  const fallback = schema.default === undefined ? '' : code(JSON.stringify(schema.default));
  return [code(at), type, fallback, description, raise, lower, change ?? 'restart'];
}

/** Of what: the host, or the plugin alone. */
function withRestart(row, page) {
  const what = page === 'host' && !row[0].startsWith('`plugins.') ? 'host' : 'plugin';
  return row.with(-1, row.at(-1) === 'live' ? 'live' : `restart of the ${what}`);
}

function typeOf(schema) {
  if (schema.enum) return schema.enum.map((value) => code(value)).join(', ');
  if (schema.const !== undefined) return code(schema.const);
  const forms = schema.anyOf ?? schema.oneOf;
  if (forms) return forms.map(typeOf).join(' or ');
  if (schema.type === 'integer') return 'whole number';
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {})}`;
  if (schema.type === 'object') return 'mapping';
  return schema.type ?? 'anything';
}

function range(schema) {
  const bounds = (schema.anyOf ?? [schema]).find(({ type }) => type === 'integer' || type === 'number') ?? {};
  const { minimum: low, exclusiveMinimum: above, maximum: high } = bounds;
  const lowest = low !== undefined && low > Number.MIN_SAFE_INTEGER ? `from ${low}` : above === undefined ? '' : `above ${above}`;
  const highest = high !== undefined && high < Number.MAX_SAFE_INTEGER ? `to ${high}` : '';
  const text = [lowest, highest].filter(Boolean).join(' ');
  return text ? ` (${text})` : '';
}

function idOf(root, folder) {
  return JSON.parse(readFileSync(path.join(root, folder, 'plugin.json'), 'utf8')).id;
}
