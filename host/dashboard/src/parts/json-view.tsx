import { useMemo, useState } from 'preact/hooks';
import { bytes, shown } from '../state/format.js';

/** What fits beside other things. */
const FOLDED_FROM = 600;
const FIRST_SHOWN = 20_000;

/** A value as JSON; a large one is folded, and a very large one shown in part until more is asked for. */
export function JsonView({
  title,
  value,
  isFolded = false,
}: {
  readonly title: string;
  readonly value: unknown;
  readonly isFolded?: boolean;
}) {
  const text = useMemo(() => jsonOf(value), [value]);
  const [limit, setLimit] = useState(FIRST_SHOWN);
  const body = (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reached by keyboard */}
      <section class="json-text" tabIndex={0} aria-label={title}>
        <pre>{shown(text.slice(0, limit))}</pre>
      </section>
      {text.length > limit && (
        <button type="button" class="plain" onClick={() => setLimit(limit * 10)}>
          Show more of {bytes(text.length)}
        </button>
      )}
    </>
  );
  if (!isFolded && text.length <= FOLDED_FROM) {
    return (
      <div class="json">
        <h4>{title}</h4>
        {body}
      </div>
    );
  }
  return (
    <details class="json">
      <summary>
        {title} <span class="muted">{bytes(text.length)}</span>
      </summary>
      {body}
    </details>
  );
}

function jsonOf(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value, null, 2);
}
