export function median(values) {
  return percentile(values, 0.5);
}

/** Nearest rank. */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

export function figure(name, unit, better, values, note) {
  return { name, unit, better, values, ...(note === undefined ? {} : { note }) };
}

/** Rounds of several measures, taken in turn: what disturbs the machine for a while disturbs all of them. */
export async function rounds(count, measures) {
  const values = Object.fromEntries(Object.keys(measures).map((name) => [name, []]));
  for (let round = 0; round < count; round += 1) {
    for (const [name, measure] of Object.entries(measures)) values[name].push(await measure());
  }
  return values;
}
