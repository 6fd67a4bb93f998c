import { ERROR_CODES, STATUS_BY_KIND } from '@bellows/sdk';
import { code, table } from './markdown.mjs';

const WHO_ACTS = {
  config: 'the operator: change the configuration',
  input: 'the caller: change the input',
  not_found: 'the caller: no such name',
  unauthenticated: 'the caller: say who you are',
  forbidden: 'the caller: not with these rights',
  guest: 'whoever wrote the guest code',
  plugin: 'the author of the plugin',
  not_ready: 'nobody: try again later',
  refused: 'the operator: it was understood and not done',
  capacity: 'the caller: slow down, try again later',
  deadline: 'the caller: the time given was not enough',
  cancelled: 'nobody: the caller went away',
  invariant: 'us: please report it',
};

export async function errorsPage() {
  const { HOST_ERROR_CODES } = await import('@bellows/host');
  const { COMPUTE_ERRORS } = await import('@bellows/plugin-compute');
  const { WORKFLOW_ERRORS } = await import('@bellows/plugin-workflow');
  const { HARNESS_ERRORS } = await import('@bellows/plugin-harness');
  const sections = [
    ['Host', HOST_ERROR_CODES],
    ['Compute', COMPUTE_ERRORS],
    ['Workflow', WORKFLOW_ERRORS],
    ['Harness', HARNESS_ERRORS],
    ['SDK', ERROR_CODES],
  ].map(([title, codes]) => `## ${title}\n\n${table(['code', 'kind', 'HTTP', 'what it means, what to do'], rows(codes))}\n`);
  const kinds = table(
    ['kind', 'HTTP', 'who must act'],
    Object.entries(STATUS_BY_KIND).map(([kind, status]) => [code(kind), status, WHO_ACTS[kind] ?? missing(kind)]),
  );
  return new Map([
    [
      'errors.md',
      `# Errors

Every error has a stable code. Its kind says who must act; the HTTP status and the exit code of the command line follow from the kind.
A single error may carry another status than its kind's (413 for a body too large). The shape over HTTP:

\`\`\`json
{ "error": { "code": "INPUT_INVALID", "message": "…", "details": [{ "path": "name", "message": "…" }], "traceId": "…" } }
\`\`\`

${kinds}

${sections.join('\n')}`,
    ],
  ]);
}

function rows(codes) {
  return Object.entries(codes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { kind, text }]) => [code(name), kind, STATUS_BY_KIND[kind] ?? missing(kind), text]);
}

function missing(kind) {
  throw new Error(`The kind ${kind} of an error is not described`);
}
