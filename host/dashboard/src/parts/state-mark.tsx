import { shorten, shown } from '../state/format.js';

/** Good, busy, waiting, careful, bad, over: each has a sign of its own, so that nothing is told by colour alone. */
type Mood = 'good' | 'busy' | 'wait' | 'care' | 'bad' | 'idle';

const MOODS: Readonly<Record<string, Mood>> = {
  ...same('good', 'active', 'completed', 'landed', 'applied', 'normal', 'healthy', 'live'),
  ...same('busy', 'running', 'working', 'verifying', 'landing', 'activating', 'rolling_back', 'connecting', 'stopping'),
  ...same('wait', 'queued', 'waiting', 'paused', 'pending', 'blocked', 'ready', 'discovered', 'validated'),
  ...same('care', 'degraded', 'warning', 'partial', 'refused', 'rolled_back', 'critical', 'lost', 'locked', 'not ready'),
  ...same('bad', 'failed', 'rollback_failed', 'unhealthy', 'invalid', 'shedding'),
  ...same('idle', 'cancelled', 'stopped', 'none', 'unchanged'),
};

const SIGNS: Readonly<Record<Mood, string>> = {
  good: 'M2.5 6.5 5 9l4.5-6',
  busy: 'M6 2a4 4 0 1 1-4 4',
  wait: 'M6 2.5V6l2.5 1.5M6 1a5 5 0 1 1 0 10A5 5 0 0 1 6 1',
  care: 'M6 1.5 11 10.5H1ZM6 5v2.5M6 9v.2',
  bad: 'M3 3l6 6M9 3 3 9',
  idle: 'M2.5 6h7',
};

/** A state in a word, with a sign and a colour. */
export function StateMark({ state, label = state }: { readonly state: string; readonly label?: string }) {
  const mood = Object.hasOwn(MOODS, state) ? (MOODS[state] ?? 'idle') : 'idle';
  return (
    <span class={`mark mark-${mood}`}>
      <svg class={mood === 'busy' ? 'turning' : undefined} viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
        <path d={SIGNS[mood]} />
      </svg>
      {shown(shorten(label.replaceAll('_', ' '), 60))}
    </span>
  );
}

function same(mood: Mood, ...states: readonly string[]): Record<string, Mood> {
  return Object.fromEntries(states.map((state) => [state, mood]));
}
