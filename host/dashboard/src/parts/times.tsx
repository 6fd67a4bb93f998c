import { useNow } from '../live/page-context.js';
import { absoluteTime, ago, duration, isoTime, UNKNOWN } from '../state/format.js';

/** How long ago; the exact time in its title. */
export function Ago({ at }: { readonly at: number | null | undefined }) {
  const now = useNow();
  if (at === null || at === undefined) return <>{UNKNOWN}</>;
  return (
    <time dateTime={isoTime(at)} title={absoluteTime(at)}>
      {ago(at, now)}
    </time>
  );
}

/** How long after another moment; the exact time in its title. */
export function After({ at, from }: { readonly at: number; readonly from: number }) {
  return (
    <time dateTime={isoTime(at)} title={absoluteTime(at)}>
      {duration(at - from)}
    </time>
  );
}

/** From one moment to another, or to now while there is no other. */
export function Took({ from, to }: { readonly from: number | null | undefined; readonly to: number | null | undefined }) {
  const now = useNow();
  if (from === null || from === undefined) return <>{UNKNOWN}</>;
  return <span title={`since ${absoluteTime(from)}`}>{duration(Math.max(0, (to ?? now) - from))}</span>;
}
