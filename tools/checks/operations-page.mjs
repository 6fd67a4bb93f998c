import { withHost } from '../with-host.mjs';
import { code, table } from './markdown.mjs';

/** What a host with the plugins of this repository says of its operations. */
export async function operationsPage() {
  const operations = await withHost(async ({ get }) => {
    const answer = await get('/v1/operations');
    return answer.operations ?? answer;
  });
  const sorted = [...operations].sort((a, b) => (a.name < b.name ? -1 : 1));
  const overview = table(
    ['operation', 'what it does', 'role', 'effort'],
    sorted.map(({ name, summary, role, runsCommands, effort }) => [
      `[${code(name)}](#${anchor(name)})`,
      summary,
      runsCommands ? `${role}, token` : role,
      effort,
    ]),
  );
  const sections = sorted.map(
    ({ name, summary, input, output }) => `## \`${name}\`

${summary}

${fields('input', input)}

${fields('output', output)}
`,
  );
  return new Map([
    [
      'operations.md',
      `# Operations

Each is at once \`POST /v1/operations/<name>\`, \`bellows call <name>\` and \`ctx.operations.call('<name>', …)\` for other plugins.
The whole schemas are in \`GET /openapi.json\`. *token*: over HTTP only with the host's token, because it runs commands.
The effort is what a call is to the limits of its tenant and user: *work* takes one of their places, *view* (over in a moment) and *wait* (for what
is limited elsewhere) take none.

${overview}

${sections.join('\n')}`,
    ],
  ]);
}

function fields(title, schema) {
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {}).map(([key, value]) => [
    code(key),
    required.has(key) && value.default === undefined ? 'yes' : '',
    typeOf(value),
    value.default === undefined ? '' : code(JSON.stringify(value.default)),
    value.description,
  ]);
  if (rows.length > 0) return table([title, title === 'input' ? 'required' : 'always', 'type', 'default', ''], rows);
  const forms = schema.anyOf ?? schema.oneOf;
  if (forms) return `${title}: one of\n\n${forms.map((form) => fields(title, form)).join('\n\n')}`;
  return `${title}: ${schema.type === 'object' ? 'an empty object' : typeOf(schema)}`;
}

function typeOf(schema) {
  if (schema === true || schema === undefined) return 'anything';
  if (schema.enum) return schema.enum.map((value) => code(JSON.stringify(value))).join(', ');
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  const forms = schema.anyOf ?? schema.oneOf;
  if (forms) return forms.map(typeOf).join(' or ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items)}`;
  if (schema.type === 'object' && schema.properties) return `{ ${Object.keys(schema.properties).join(', ')} }`;
  if (schema.type === 'object') return 'mapping';
  if (schema.type === 'integer') return 'whole number';
  return schema.type ?? 'anything';
}

function anchor(name) {
  return name.toLowerCase().replace(/[^\w-]/g, '');
}
