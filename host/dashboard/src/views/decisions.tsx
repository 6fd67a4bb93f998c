import { useMemo, useState } from 'preact/hooks';
import { useHost } from '../live/page-context.js';
import { plural, shorten, shown } from '../state/format.js';
import { MAX_DECISIONS } from '../state/host-state.js';
import { hrefOf, type Route } from '../state/route.js';
import { DecisionTable } from './decision-table.js';

const ROWS = 100;

export function Decisions({ route: { query } }: { readonly route: Route }) {
  const decisions = useHost((state) => state.decisions);
  const subsystems = useHost((state) => state.subsystems);
  const [rows, setRows] = useState(ROWS);
  const { subsystem } = query;
  const names = useMemo(
    () => [...new Set([...subsystems.map(({ name }) => name), ...decisions.map((decision) => decision.subsystem)])].sort(),
    [subsystems, decisions],
  );
  const fitting = subsystem === undefined ? decisions : decisions.filter((decision) => decision.subsystem === subsystem);
  const choose = (name: string) => {
    location.hash = hrefOf('decisions', { query: { subsystem: name } });
  };
  return (
    <>
      <div class="filters">
        <label>
          Subsystem{' '}
          <select value={subsystem ?? ''} onChange={({ currentTarget }) => choose(currentTarget.value)}>
            <option value="">all</option>
            {[...new Set([...names, ...(subsystem === undefined ? [] : [subsystem])])].map((name) => (
              <option key={name} value={name}>
                {shown(shorten(name, 60))}
              </option>
            ))}
          </select>
        </label>
        <span class="muted">
          {plural(fitting.length, 'decision')}, newest first
          {decisions.length >= MAX_DECISIONS && (
            <>
              ; older ones: <a href="/v1/decisions?limit=10000">/v1/decisions</a>
            </>
          )}
        </span>
      </div>
      <DecisionTable decisions={fitting.slice(0, rows)} about={subsystem} />
      {fitting.length > rows && (
        <p>
          <button type="button" onClick={() => setRows(rows + ROWS)}>
            Show {Math.min(ROWS, fitting.length - rows)} more
          </button>
        </p>
      )}
    </>
  );
}
