import { useId } from 'preact/hooks';
import { LiveChart } from '../charts/live-chart.js';
import { seriesOf } from '../charts/sampler.js';
import { Facts } from '../parts/facts.js';
import { StateMark } from '../parts/state-mark.js';
import { LongText, Name } from '../parts/texts.js';
import { bytes, duration, number, percent, shown } from '../state/format.js';
import type { Subsystem } from '../state/host-state.js';
import { hrefOf } from '../state/route.js';

/** One subsystem: what it does now, within which limits, and why these. */
export function SubsystemCard({ subsystem }: { readonly subsystem: Subsystem }) {
  const { name, binding, backpressure, metrics } = subsystem;
  const id = useId();
  return (
    <section class="card subsystem" aria-labelledby={id}>
      <header>
        <h3 id={id}>
          <Name text={name} />
        </h3>
        <StateMark state={backpressure} label={`backpressure ${backpressure}`} />
        <InUse inUse={metrics.inUse} limit={subsystem.limits.maxConcurrentOperations} />
        <a class="aside" href={hrefOf('decisions', { query: { subsystem: name } })} aria-label={`Decisions on ${shown(name)}`}>
          Decisions
        </a>
      </header>
      <p class="binding">
        <span class="tag">{shown(binding.limitedBy)}</span> <LongText text={binding.reason} />
      </p>
      <SubsystemCharts name={name} />
      <Facts
        facts={[
          ['Waiting', `${number(metrics['queue.depth'])} of ${number(subsystem.limits.maxQueueDepth)}`],
          ['Oldest waits', duration(metrics['queue.oldestMs'])],
          ['Done', number(metrics['completed.total'])],
          ['Failed', number(metrics['failed.total'])],
          ['Rejected', number(metrics['rejected.total'])],
          ['Memory', `${bytes(metrics.memoryBytes)} of ${bytes(subsystem.limits.maxMemoryBytes)}`],
          ['Cache', `${number(metrics['cache.size'])}, ${percent(metrics['cache.hitRate'])} hits`],
        ]}
      />
      <Policy subsystem={subsystem} />
    </section>
  );
}

/** What runs is never ended because the limit has fallen. */
function InUse({ inUse, limit }: { readonly inUse: number; readonly limit: number }) {
  if (inUse > limit) {
    return (
      <span>
        <b>{number(inUse)}</b> in use, limit {number(limit)}: the rest ends first
      </span>
    );
  }
  return (
    <span>
      <b>{number(inUse)}</b> of {number(limit)} in use
    </span>
  );
}

function SubsystemCharts({ name }: { readonly name: string }) {
  return (
    <div class="charts">
      <div class="chart-main">
        <LiveChart
          title="Operations at once"
          group={name}
          wholeNumbers
          format={number}
          lines={[
            { series: seriesOf(name, 'inUse'), label: 'in use', tone: 'used', look: 'area' },
            { series: seriesOf(name, 'limit'), label: 'limit in force', tone: 'limit', look: 'step' },
            { series: seriesOf(name, 'ceiling'), label: 'ceiling', tone: 'ceiling', look: 'dashes' },
          ]}
        />
      </div>
      <div>
        <LiveChart
          title="Queue"
          group={name}
          wholeNumbers
          format={number}
          lines={[{ series: seriesOf(name, 'queue'), label: 'waiting', tone: 'queue', look: 'area' }]}
        />
      </div>
      <div>
        <LiveChart
          title="Ended waits"
          group={name}
          format={duration}
          lines={[{ series: seriesOf(name, 'waitP95'), label: 'p95', tone: 'wait', look: 'area' }]}
        />
      </div>
    </div>
  );
}

const FLOOR = "The governor's ceiling never falls below its floor; the subsystem's own limit may stay lower.";

/** Each rule with whose word it is. */
function Policy({ subsystem: { policy, plugin } }: { readonly subsystem: Subsystem }) {
  const { weight, floor, ceiling, costCores, criticality, origins } = policy;
  return (
    <p class="policy muted">
      Policy: weight {number(weight)} ({origins.weight}),{' '}
      <span title={FLOOR}>
        floor {number(floor)} ({origins.floor})
      </span>
      , {ceiling === null ? 'no ceiling of its own' : `ceiling ${number(ceiling)} (operator)`}, {number(costCores)}{' '}
      {costCores === 1 ? 'core' : 'cores'} an operation ({origins.costCores}), criticality {criticality.replaceAll('_', ' ')}. Plugin{' '}
      <Name text={plugin} href={hrefOf('plugins')} />.
    </p>
  );
}
