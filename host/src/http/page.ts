import { createHash } from 'node:crypto';
import type { OperationInfo, ScalingDecision } from '@bellows/sdk';
import { policySentence } from '../governor/subsystem-policy.js';
import type { HostStatus } from '../host-view.js';

export interface PageData {
  readonly status: HostStatus;
  readonly decisions: readonly ScalingDecision[];
  readonly operations: readonly Pick<OperationInfo, 'name' | 'summary'>[];
}

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #1d2433; background: #fff }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid #dde1ea; vertical-align: top }
td.n, th.n { text-align: right } code { font-size: .95em } th { white-space: nowrap } p, td:last-child { overflow-wrap: anywhere }
@media (max-width: 700px) { body { margin: 1rem auto } thead { display: none } table, tbody, tr { display: block } tr { padding: .5rem 0; border-bottom: 1px solid #dde1ea } td, td.n { display: grid; grid-template-columns: 8rem 1fr; padding: .1rem 0; border: 0; text-align: left } td::before { content: attr(data-of); color: #5c657a } td { overflow-wrap: anywhere } }
.active, .yes { color: #10692c } .failed, .blocked, .no, .shedding { color: #a8071a } .waiting, .degraded, .warning, .critical { color: #8a5a00 }
@media (prefers-color-scheme: dark) { body { background: #14171f; color: #dfe3ec } tr, th, td { border-color: #333948 } .active, .yes { color: #6bd08a } .failed, .blocked, .no, .shedding { color: #ff8f8f } .waiting, .degraded, .warning, .critical { color: #e9bb62 } td::before { color: #98a1b5 } }
`;

/** Nothing but this page's own style is loaded, run or framed. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** The page of a host, complete in itself, without scripts; a browser reads it anew every five seconds. Pure. */
export function renderPage({ status, decisions, operations }: PageData): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="5"><title>Bellows</title><style>${STYLE}</style></head><body>
<h1>Bellows ${text(status.version)}: <span class="${status.ready ? 'yes' : 'no'}">${status.ready ? 'ready' : 'not ready'}</span></h1>
<p>Started ${time(status.startedAt)}, process ${status.pid}, configuration ${text(status.configFile ?? 'built in')} (revision ${status.configRevision}), data in ${text(status.dataDir)}.
CPU ${percent(status.machine.cpuRatio)} of ${status.machine.cores} cores, memory ${percent(status.machine.memoryRatio)}, event loop ${status.machine.eventLoopDelayP99Ms.toFixed(1)} ms late (p99).</p>
<h2>Plugins</h2>
${table(
  ['Plugin', 'Version', 'State', 'Reason', 'Since'],
  status.plugins.map((plugin) => [
    text(plugin.id),
    text(plugin.version),
    state(plugin.state),
    `${text(plugin.reason)}${plugin.message === '' ? '' : `: ${text(plugin.message)}`}`,
    time(plugin.since),
  ]),
)}
<h2>Subsystems</h2>
${table(
  ['Subsystem', '#In use', '#Limit', '#Ceiling', '#Waiting', '#Cache', 'Backpressure', 'Limited by', 'Policy'],
  status.subsystems.map(({ name, limits, ceiling, policy, binding, backpressure, metrics }) => [
    text(name),
    number(metrics.inUse),
    number(limits.maxConcurrentOperations),
    number(ceiling),
    `${number(metrics['queue.depth'])} of ${number(limits.maxQueueDepth)}`,
    `${number(metrics['cache.size'])} of ${number(limits.maxCacheEntries)}`,
    state(backpressure),
    `${text(binding.limitedBy)}: ${text(binding.reason)}`,
    text(policySentence(policy)),
  ]),
)}
<h2>Last decisions</h2>
${table(
  ['At', 'Subsystem', '#From', '#To', 'Limited by', 'Outcome', 'Reason'],
  decisions.map((decision) => [
    time(decision.at),
    text(decision.subsystem),
    number(decision.from),
    number(decision.to),
    text(decision.limitedBy),
    text(decision.outcome) + (decision.error === undefined ? '' : ` (${text(decision.error)})`),
    text(decision.reason),
  ]),
)}
<h2>Operations</h2>
${table(
  ['Name', 'What it does'],
  operations.map(({ name, summary }) => [`<code>${text(name)}</code>`, text(summary)]),
)}
<p>Also here: <a href="/openapi.json">openapi.json</a>, <a href="/metrics">metrics</a>, <a href="/v1/status">status</a>.</p>
</body></html>
`;
}

/** Cells are HTML already; a heading that begins with # is a column of numbers. Where there is little room each row is a list of its headings and cells. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '<p>None.</p>';
  const columns = heads.map((head) => ({ title: head.replace('#', ''), kind: head.startsWith('#') ? ' class="n"' : '' }));
  const head = columns.map(({ title, kind }) => `<th${kind}>${title}</th>`).join('');
  const cells = (row: readonly string[]) =>
    columns.map(({ title, kind }, at) => `<td${kind} data-of="${title}"><div>${row[at]}</div></td>`);
  const body = rows.map((row) => `<tr>${cells(row).join('')}</tr>`).join('\n');
  return `<table><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table>`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function text(value: string): string {
  return value.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

function state(name: string): string {
  return `<span class="${text(name)}">${text(name)}</span>`;
}

function time(at: number): string {
  const iso = new Date(at).toISOString();
  return `<time datetime="${iso}">${iso.replace('T', ' ').slice(0, 19)} UTC</time>`;
}

function number(value: number | undefined): string {
  return value === undefined ? '' : String(Math.round(value * 100) / 100);
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`;
}
