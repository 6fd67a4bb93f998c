import { PLUGIN_STATES, pluginManifestSchema, z } from '@bellows/sdk';
import { code, table } from './markdown.mjs';

/** What each state means, and the reasons it comes with. */
const STATES = {
  discovered: ['Found; not yet checked.', '`DISCOVERED`'],
  validated: ['Its manifest, configuration and needs are good. None of its code has run, but for the check of its options.', '`VALIDATED`'],
  activating: ['Its `activate` runs, at most `activateTimeoutMs`.', '`ACTIVATING`; the message counts the attempts'],
  active: ['It works.', '`ACTIVE`'],
  degraded: [
    'It works, but not in full; calls still go to it. Either an error of it was caught by nobody: then until the plugin is started again. Or it says so itself (`ctx.degrade`), until it says that this is over; a live change of its options does not end it.',
    '`UNCAUGHT_ERROR`, or the code that the plugin gives, such as `EXECUTORS_FAILING` of compute and `STORE_FULL` of workflow',
  ],
  waiting: [
    'Something it needs is not there yet. It is tried again by itself, with growing pauses up to 30 s.',
    'the code of the `not_ready` error that it threw',
  ],
  blocked: ['A plugin that it needs is not active.', '`NEED_NOT_ACTIVE`; the message names it'],
  failed: [
    'It cannot run. Where it is `required`, the host does not start.',
    '`PLUGIN_THREW`, `PLUGIN_TIMEOUT`, or the code of the error that it threw',
  ],
  stopping: ['Its calls end and what it took is given back, last first, at most `stopTimeoutMs`.', 'why the host stops it'],
  stopped: ['Everything is given back, or the log says what was not.', 'the same'],
};

/** `plugin.json` from its schema, the states from the table by which the host changes them. */
export async function pluginsPage() {
  const { PLUGIN_TRANSITIONS } = await import('@bellows/host');
  const schema = z.toJSONSchema(pluginManifestSchema, { io: 'input', unrepresentable: 'any' });
  const required = new Set(schema.required);
  const fields = Object.entries(schema.properties).map(([key, field]) => [
    code(key),
    required.has(key) ? 'yes' : '',
    field.default === undefined ? '' : code(JSON.stringify(field.default)),
    [field.description, field.enum ? `One of ${field.enum.map(code).join(', ')}.` : ''].filter(Boolean).join(' '),
  ]);
  const states = PLUGIN_STATES.map((state) => {
    const [meaning, reason] = STATES[state] ?? missing(state);
    return [code(state), meaning, reason, PLUGIN_TRANSITIONS[state].map(code).join(', ')];
  });
  return new Map([
    [
      'plugins.md',
      `# Plugins

A plugin is a package: \`plugin.json\`, a \`package.json\` whose \`exports["."]\` is the code, and as its default export what \`definePlugin\` of
\`@bellows/sdk\` returns. \`from\` in bellows.yaml is its folder, the name of an installed package, or a packed \`.tgz\`: [bellows.yaml](config/host.md).

## plugin.json

Read before any code of the plugin runs. Keys that are not in the table are refused.

${table(['key', 'required', 'default', 'what it is'], fields)}

An \`id\` is made of lower-case words joined by single hyphens, at most 64 characters; \`needs\` names ids, not its own. The range \`sdk\` must have an upper bound (\`^0.1.0\`, \`~0.1.0\`, \`0.1.x\`): a range that is open (\`*\`, \`>=0.1.0\`) would let in versions that do not exist yet, and is
refused with \`PLUGIN_SDK_RANGE_OPEN\`.

## States

\`bellows plugins\`, \`GET /v1/plugins\`, \`GET /ready\` and the event [\`status\`](events.md#status) show them. Each has a \`reason\`, a code for programs, a \`message\` for people, \`since\`,
and \`configRevision\`, the revision of the configuration it speaks of. \`lastAttempt\` has the last failure, also when it runs again, until a reload is taken or a restart that was asked for succeeds. *Ready* is the host when every plugin with \`required: true\`
is active or degraded. The last column has the steps that a host allows; a plugin that is started again begins as \`discovered\`.

${table(['state', 'what it means', 'reason', 'may become'], states)}
`,
    ],
  ]);
}

function missing(state) {
  throw new Error(`The state ${state} of a plugin is not described`);
}
