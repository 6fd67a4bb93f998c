import { LiveChart } from '../charts/live-chart.js';
import { MACHINE_SERIES } from '../charts/sampler.js';
import { useHost } from '../live/page-context.js';
import { Empty, Loading } from '../parts/notices.js';
import { bytes, duration, percent } from '../state/format.js';
import { hrefOf } from '../state/route.js';
import { ConfigurationInShort } from './configuration.js';
import { DecisionTable } from './decision-table.js';
import { SubsystemCard } from './subsystem-card.js';

const SHOWN_DECISIONS = 5;

export function Overview() {
  const subsystems = useHost((state) => state.subsystems);
  const decisions = useHost((state) => state.decisions);
  const isKnown = useHost((state) => state.host !== undefined);
  if (!isKnown) return <Loading />;
  return (
    <>
      <ConfigurationInShort />
      <Machine />
      <h2>Subsystems</h2>
      {subsystems.length === 0 && (
        <Empty title="No subsystem runs here yet.">
          <p>
            A plugin brings them: see <a href={hrefOf('plugins')}>plugins</a>, or name one in <code>bellows.yaml</code>.
          </p>
        </Empty>
      )}
      {subsystems.map((subsystem) => (
        <SubsystemCard key={subsystem.name} subsystem={subsystem} />
      ))}
      <h2>Last decisions</h2>
      <DecisionTable decisions={decisions.slice(0, SHOWN_DECISIONS)} />
      <p>
        <a href={hrefOf('decisions')}>All decisions</a>
      </p>
    </>
  );
}

function Machine() {
  const machine = useHost((state) => state.machine);
  if (machine === undefined) return null;
  return (
    <section aria-labelledby="machine">
      <h2 id="machine">Machine</h2>
      <div class="card">
        <div class="charts">
          <div>
            <LiveChart
              title="CPU"
              group="machine"
              format={percent}
              lines={[{ series: MACHINE_SERIES.cpu, label: `of ${machine.cores} cores`, tone: 'used', look: 'area' }]}
            />
          </div>
          <div>
            <LiveChart
              title="Memory"
              group="machine"
              format={percent}
              lines={[{ series: MACHINE_SERIES.memory, label: `of ${bytes(machine.memoryTotalBytes)}`, tone: 'queue', look: 'area' }]}
            />
          </div>
          <div>
            <LiveChart
              title="Event loop delay"
              group="machine"
              format={duration}
              lines={[{ series: MACHINE_SERIES.loop, label: 'p99', tone: 'wait', look: 'area' }]}
            />
          </div>
        </div>
        <p class="muted charts-note">since this page was opened</p>
      </div>
    </section>
  );
}
