import { useState } from 'preact/hooks';
import type { RunShape, StageShape, WaitShape } from '../live/operation-shapes.js';
import { useNow } from '../live/page-context.js';
import { JsonView } from '../parts/json-view.js';
import { StateMark } from '../parts/state-mark.js';
import { LongText, Name } from '../parts/texts.js';
import { Ago } from '../parts/times.js';
import { bytes, duration, plural, shorten, shown } from '../state/format.js';
import { hrefOf } from '../state/route.js';
import { type Bar, barsOf } from '../state/stage-bars.js';

/** A workflow may have thousands. */
const ROWS = 100;
const SHOWN_NAMES = 6;

/** The stages of a run with their place in its time. */
export function Stages({ run }: { readonly run: RunShape }) {
  const now = useNow();
  const [rows, setRows] = useState(ROWS);
  const span = { from: run.createdAt, to: run.endedAt ?? Math.max(now, run.createdAt) };
  const bars = barsOf(run.stages, span);
  return (
    <>
      <ol class="stages">
        {run.stages.slice(0, rows).map((stage, index) => (
          <li key={stage.name}>
            <StageRow stage={stage} bar={bars[index] ?? null} />
          </li>
        ))}
      </ol>
      {run.stages.length > rows && (
        <p>
          <button type="button" onClick={() => setRows(rows + ROWS)}>
            Show more of {plural(run.stages.length, 'stage')}
          </button>
        </p>
      )}
    </>
  );
}

function StageRow({ stage, bar }: { readonly stage: StageShape; readonly bar: Bar | null }) {
  const { name, status, attempts, dependsOn = [], error, waitsFor, compensation } = stage;
  return (
    <>
      <div class="stage-head">
        <span class="stage-name">
          <Name text={name} />
        </span>
        <StateMark state={status} />
        {attempts > 1 && <span class="tag">{plural(attempts, 'attempt')}</span>}
        <span class="stage-time">{bar === null ? 'not begun' : `${duration(bar.tookMs)}, after ${duration(bar.startMs)}`}</span>
      </div>
      <div class="stage-bar" aria-hidden="true">
        {bar !== null && <span class={`bar bar-${status}`} style={{ left: `${bar.left * 100}%`, width: `${bar.width * 100}%` }} />}
      </div>
      <div class="stage-more">
        {dependsOn.length > 0 && <span class="muted">after {namesOf(dependsOn)}</span>}{' '}
        {waitsFor !== undefined && <Waits wait={waitsFor} />}
        {error !== undefined && (
          <p class="fault">
            <code>{shown(shorten(error.code, 80))}</code> <LongText text={error.message} />
          </p>
        )}
        {compensation !== undefined && (
          <p>
            Taken back: <StateMark state={compensation.status} />{' '}
            {compensation.error !== undefined && <LongText text={compensation.error.message} />}
          </p>
        )}
        {stage.output !== undefined && stage.output !== null && (
          <JsonView isFolded title={`Output of ${shown(shorten(name, 60))}`} value={stage.output} />
        )}
        {stage.outputBytes !== undefined && <span class="muted">an output of {bytes(stage.outputBytes)} is left out here</span>}
      </div>
    </>
  );
}

function Waits({ wait }: { readonly wait: WaitShape }) {
  if (wait.kind === 'signal') {
    return (
      <span>
        waits for the signal <Name text={wait.name} />
      </span>
    );
  }
  if (wait.kind === 'run') {
    return (
      <span>
        waits for <Name text={wait.id} href={hrefOf('workflows', { id: wait.id })} />
      </span>
    );
  }
  return (
    <span>
      {wait.kind === 'retry' ? 'tries again' : 'goes on'} <Ago at={wait.dueAt} />
    </span>
  );
}

function namesOf(names: readonly string[]): string {
  const some = names.slice(0, SHOWN_NAMES).map((name) => shown(shorten(name, 60)));
  return `${some.join(', ')}${names.length > SHOWN_NAMES ? ` and ${names.length - SHOWN_NAMES} more` : ''}`;
}
