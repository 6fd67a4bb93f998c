import { REQUIRED_METRICS } from '@bellows/sdk';
import { code, table } from './markdown.mjs';

/** Names of `/metrics`, and the keys of what subsystems report. Both from the tables that the code itself uses. */
export async function metricsPage() {
  const { PROMETHEUS_METRICS } = await import('@bellows/host');
  const { COMPUTE_METRICS } = await import('@bellows/plugin-compute');
  const { WORKFLOW_METRICS } = await import('@bellows/plugin-workflow');
  const { HARNESS_METRICS } = await import('@bellows/plugin-harness');
  const names = Object.entries(PROMETHEUS_METRICS).map(([name, { type, labels, help }]) => [
    code(name),
    type,
    labels.map(code).join(', '),
    help,
  ]);
  const own = [
    ['compute.wasm', COMPUTE_METRICS],
    ['workflow.pipeline', WORKFLOW_METRICS],
    ['harness.scale', HARNESS_METRICS],
  ].map(([subsystem, metrics]) => `## \`${subsystem}\`\n\n${keys(metrics)}\n`);
  return new Map([
    [
      'metrics.md',
      `# Metrics

Two views of the same counts. \`GET /metrics\` is for Prometheus: how the host does. The metrics of a subsystem are what it reports to the
governor every second: the event [\`metrics\`](events.md#metrics), \`subsystems[].metrics\` of \`GET /v1/status\`, and what the page and \`bellows explain\` show.

## Prometheus

Text format 0.0.4, at \`GET /metrics\`; with \`host.tokensFile\` it needs the role reader. A histogram has \`_bucket\` (with \`le\`), \`_sum\` and \`_count\`.

${table(['name', 'type', 'labels', 'what it is'], names)}

## Every subsystem

Flat, finite numbers. Those that end in \`.total\` only grow, and begin at 0 with the host. \`checkSubsystem\` of \`@bellows/sdk/testing\` wants
all of these:

${keys(REQUIRED_METRICS)}

${own.join('\n')}
A plugin of yours adds keys under prefixes of its own, and describes them where it makes them: \`DescribedMetrics\` of \`@bellows/sdk\` makes the
compiler want each described key, and no other.
`,
    ],
  ]);
}

function keys(metrics) {
  const rows = Object.entries(metrics).map(([key, { unit, what }]) => [code(key), unit, what]);
  return table(['key', 'unit', 'what it is'], rows);
}
