import { useState } from 'preact/hooks';
import type { RunHistory, RunShape } from '../live/operation-shapes.js';
import { useFollowed, usePolled } from '../live/use-polled.js';
import { DataTable } from '../parts/data-table.js';
import { Facts } from '../parts/facts.js';
import { JsonView } from '../parts/json-view.js';
import { Failure, Loading } from '../parts/notices.js';
import { StateMark } from '../parts/state-mark.js';
import { LongText, Name, WholeId } from '../parts/texts.js';
import { After, Ago, Took } from '../parts/times.js';
import { number, shorten, shown, withTimes } from '../state/format.js';
import { hrefOf } from '../state/route.js';
import { Stages } from './stages.js';

const POLL_MS = 700;
const EVENTS = 100;
const TITLE_LENGTH = 2_000;

export function Run({ id }: { readonly id: string }) {
  const { data, failure, isStale, pollMs } = useFollowed<RunShape>('workflow.get', id, POLL_MS);
  if (data === undefined) return failure === undefined ? <Loading /> : <Failure failure={failure} plugin="workflow" />;
  return (
    <div class={isStale ? 'stale' : undefined}>
      <WholeId id={data.id} />
      <Facts
        facts={[
          ['Status', <StateMark key="status" state={data.status} />],
          [
            'Workflow',
            <Name key="name" text={`${data.name} v${data.version}`} href={hrefOf('workflows', { query: { name: data.name } })} />,
          ],
          ['Started', <Ago key="at" at={data.createdAt} />],
          ['Took', <Took key="took" from={data.createdAt} to={data.endedAt} />],
          ...Object.entries(data.attributes).map(
            ([name, value]) => [shown(name), <LongText key={name} text={value} limit={80} />] as const,
          ),
        ]}
      />
      {data.error !== undefined && (
        <p class="fault">
          <code>{shown(data.error.code)}</code> <LongText text={data.error.message} />
        </p>
      )}
      <h2>Stages</h2>
      <Stages run={data} />
      <h2>Input and output</h2>
      <JsonView title="Input" value={data.input} />
      {data.output !== undefined && <JsonView title="Output" value={data.output} />}
      <History id={id} startedAt={data.createdAt} everyMs={pollMs} />
    </div>
  );
}

/** Page by page; the pages before are remembered for the way back. */
function History({ id, startedAt, everyMs }: { readonly id: string; readonly startedAt: number; readonly everyMs: number }) {
  const [starts, setStarts] = useState<readonly number[]>([0]);
  const { data, failure } = usePolled<RunHistory>('workflow.history', { id, after: starts.at(-1) ?? 0, limit: EVENTS }, everyMs);
  return (
    <>
      <h2>History</h2>
      {data === undefined ? (
        failure === undefined ? (
          <Loading />
        ) : (
          <Failure failure={failure} plugin="workflow" />
        )
      ) : (
        <DataTable
          caption="What happened in this run, in order"
          rows={data.events}
          keyOf={({ seq }) => seq}
          columns={[
            { head: '#', isNumber: true, cell: ({ seq }) => number(seq) },
            { head: 'After', isNumber: true, cell: ({ at }) => <After at={at} from={startedAt} /> },
            { head: 'Event', cell: ({ type }) => <code>{shown(shorten(type, 80))}</code> },
            { head: 'Stage', cell: ({ stage }) => stage !== undefined && <Name text={stage} /> },
            { head: 'Attempt', isNumber: true, cell: ({ attempt }) => (attempt ? number(attempt) : '') },
            {
              head: 'Data',
              isWide: true,
              cell: ({ data: value }) => value !== undefined && value !== null && <EventData value={value} />,
            },
          ]}
        />
      )}
      <p class="pager">
        {starts.length > 1 && (
          <button type="button" onClick={() => setStarts(starts.slice(0, -1))}>
            Earlier events
          </button>
        )}
        {data?.next !== undefined && (
          <button type="button" onClick={() => setStarts([...starts, data.next ?? 0])}>
            Later events
          </button>
        )}
      </p>
    </>
  );
}

/** Times as times; as they were written in the title. */
function EventData({ value }: { readonly value: unknown }) {
  const text = JSON.stringify(value);
  const readable = withTimes(value);
  return (
    <span title={readable === text ? undefined : shown(shorten(text, TITLE_LENGTH))}>
      <LongText text={readable} limit={160} />
    </span>
  );
}
