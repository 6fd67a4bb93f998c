import { median } from './statistics.mjs';

const TOLERANCE = 0.1;

export function text(figures) {
  return figures
    .map(
      (figure) =>
        `  ${figure.name.padEnd(46)} ${shown(figure).padStart(12)} ${figure.unit.padEnd(7)} ${spread(figure)}${figure.note ? `  ${figure.note}` : ''}`,
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
    (figure) => `| ${figure.name} | ${shown(figure)} ${figure.unit} | ${spread(figure)} | ${figure.note ?? ''} |`,
  );
  return `# Benchmarks

Written by \`npm run bench -- --write\` on ${result.at}. Median of the rounds, with the lowest and the highest in brackets; figures of a peer were
taken in the same run, in turn with ours. Compare with a run on your own machine, not with these numbers: \`npm run bench -- --json mine.json\`,
then \`npm run bench -- --against mine.json\` names every figure that became more than 10 % worse.

- ${result.machine}
- ${result.versions}

| figure | median | lowest to highest | |
|---|---|---|---|
${rows.join('\n')}
`;
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
