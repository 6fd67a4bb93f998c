import type { ScalingDecision } from '@bellows/sdk';
import { DataTable } from '../parts/data-table.js';
import { Empty } from '../parts/notices.js';
import { StateMark } from '../parts/state-mark.js';
import { LongText, Name } from '../parts/texts.js';
import { Ago } from '../parts/times.js';
import { number, shorten, shown } from '../state/format.js';
import { hrefOf } from '../state/route.js';

/** Decisions of the governor, in the order they are given in. `about`: the subsystem they are all of, if so. */
export function DecisionTable({
  decisions,
  about,
}: {
  readonly decisions: readonly ScalingDecision[];
  readonly about?: string | undefined;
}) {
  if (decisions.length === 0) {
    return (
      <Empty title={`The governor has decided nothing${about === undefined ? '' : ` about ${shown(shorten(about, 60))}`} yet.`}>
        <p>It does as soon as a subsystem wants more or less than it has.</p>
      </Empty>
    );
  }
  return (
    <DataTable
      caption="Decisions of the governor, newest first"
      rows={decisions}
      keyOf={({ id }) => id}
      columns={[
        { head: 'When', cell: ({ at }) => <Ago at={at} /> },
        { head: 'Subsystem', cell: ({ subsystem }) => <Name text={subsystem} href={hrefOf('decisions', { query: { subsystem } })} /> },
        { head: 'Ceiling', cell: Change },
        { head: 'Limited by', cell: ({ limitedBy }) => <span class="tag">{shown(shorten(limitedBy, 40))}</span> },
        { head: 'Outcome', cell: ({ outcome }) => <StateMark state={outcome} label={outcome === 'none' ? 'no change' : outcome} /> },
        { head: 'Reason', isWide: true, cell: Reason },
      ]}
    />
  );
}

function Change({ from, to }: ScalingDecision) {
  const sign = to > from ? 'raised' : to < from ? 'lowered' : 'kept';
  return (
    <span class="change">
      {number(from)} <span aria-hidden="true">{to > from ? '↗' : to < from ? '↘' : '→'}</span>
      <span class="unseen">{sign} to</span> <b>{number(to)}</b>
    </span>
  );
}

function Reason({ reason, error }: ScalingDecision) {
  return (
    <>
      <LongText text={reason} />
      {error !== undefined && (
        <p class="fault">
          <LongText text={error} />
        </p>
      )}
    </>
  );
}
