import { useHost, useNow, usePage } from './live/page-context.js';
import { StateMark } from './parts/state-mark.js';
import { Took } from './parts/times.js';
import { shown } from './state/format.js';

const WORDS = { connecting: 'connecting', live: 'live', lost: 'connection lost', locked: 'locked' } as const;

/** Whether what is shown is of now. */
export function ConnectionMark() {
  const phase = useHost(({ connection }) => connection.phase);
  return (
    <span role="status">
      <StateMark state={phase} label={WORDS[phase]} />
    </span>
  );
}

/** While it is not: since when, why, and when it is tried again. */
export function ConnectionBar() {
  const connection = useHost((state) => state.connection);
  const page = usePage();
  const now = useNow();
  if (connection.phase !== 'lost') return null;
  const seconds = Math.max(0, Math.ceil(((connection.retryAt ?? now) - now) / 1000));
  return (
    <div class="lost">
      <span>
        <span role="alert">Connection lost, trying again.</span> {shown(connection.message ?? '')} What is shown is{' '}
        <Took from={connection.since} to={undefined} /> old{seconds > 0 ? `; next attempt in ${seconds} s` : ''}.
      </span>
      <button type="button" onClick={() => page.connection.retryNow()}>
        Try now
      </button>
    </div>
  );
}
