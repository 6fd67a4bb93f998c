import { median } from './statistics.mjs';

const TOLERANCE = 0.1;

export function text(figures) {
  const width = Math.max(...figures.map(({ name }) => name.length));
  return figures
    .map((figure) =>
      `  ${figure.name.padEnd(width)} ${shown(figure).padStart(12)} ${figure.unit.padEnd(7)} ${spread(figure)}  ${remarks(figure, figures)}`.trimEnd(),
    )
    .join('\n');
}

/** Lines for every figure that is more than a tenth worse than before; those that are in only one of both are left out. */
export function compare(now, before) {
  const old = new Map(before.figures.map((figure) => [figure.name, figure]));
  return now.figures.flatMap((figure) => {
    const reference = old.get(figure.name);
    if (!reference || figure.better === 'none') return [];
    const [fresh, past] = [median(figure.values), median(reference.values)];
    const change = figure.better === 'lower' ? fresh / past - 1 : past / fresh - 1;
    return change > TOLERANCE
      ? [`WORSE ${figure.name}: ${number(fresh)} ${figure.unit}, was ${number(past)} (${Math.round(change * 100)} % worse)`]
      : [];
  });
}

export function markdown(result) {
  const rows = result.figures.map(
    (figure) => `| ${figure.name} | ${shown(figure)} ${figure.unit} | ${spread(figure)} | ${remarks(figure, result.figures)} |`,
  );
  return `# Benchmarks

Written by \`npm run bench -- --write\` on ${result.at}. Median of the rounds, with the lowest and the highest in brackets; figures of a peer were
taken in the same run, in turn with ours. The peers do less: the Fastify echo runs no guest, checks no input and knows no limits; the bare
worker threads keep one instance for all calls, in the process of the caller, without deadline; bare SQLite is an insert and three updates, each
committed before the next, without history, retries, time limits or compensation; the script by hand is \`xargs\` over worktrees, the same agent
and a merge under a lock, without verification, and what fails in it stays undone. DBOS and BullMQ, where they appear, are whole products with
their servers on the same machine, durable by each commit, called as their manuals show. A Subject and an EventEmitter
call their subscribers at once, in the publisher's own stack: without a queue, a bound, isolation or counters.
Erlang/OTP restarts isolated processes, ours are objects of one heap. The peers show what is left to win. Compare with a run on your own machine, not with these numbers: \`npm run bench -- --json mine.json\`,
then \`npm run bench -- --against mine.json\` names every figure that became more than 10 % worse.

- ${result.machine}
- ${result.versions}

| figure | median | lowest to highest | |
|---|---|---|---|
${rows.join('\n')}
`;
}

function remarks(figure, figures) {
  return [ratios(figure, figures), figure.note].filter(Boolean).join('; ');
}

/**
 * How many times the figure of each peer ours is. Names are `group: what, measure` and `group: peer, who, measure`: the peers of a figure
 * are those of its group with the same measure, or the first with the same unit where no measure is named.
 */
function ratios(figure, figures) {
  const [group, what] = parts(figure.name);
  if (what.startsWith('peer')) return '';
  const peers = figures.filter(({ name }) => parts(name)[0] === group && parts(name)[1].startsWith('peer'));
  const same = peers.filter(({ name }) => name.endsWith(`, ${what.split(', ').at(-1)}`));
  const named = what.includes(', ');
  return (named ? same : peers.filter(({ unit }) => unit === figure.unit).slice(0, 1))
    .filter(({ values }) => median(values) > 0 && median(figure.values) >= 0)
    .map((peer) => `${number(median(figure.values) / median(peer.values))} × ${parts(peer.name)[1].split(', ')[1]}`)
    .join(', ');
}

function parts(name) {
  const at = name.indexOf(': ');
  return at < 0 ? ['', name] : [name.slice(0, at), name.slice(at + 2)];
}

function shown({ values }) {
  return number(median(values));
}

function spread({ values }) {
  return values.length > 1 ? `[${number(Math.min(...values))} – ${number(Math.max(...values))}] of ${values.length}` : 'one round';
}

function number(value) {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
