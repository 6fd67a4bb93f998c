import type { HostStatus } from '../../../src/host-view.js';
import { useHost } from '../live/page-context.js';
import { Facts } from '../parts/facts.js';
import { StateMark } from '../parts/state-mark.js';
import { LongText } from '../parts/texts.js';
import { Ago } from '../parts/times.js';
import { number, shown } from '../state/format.js';
import { hrefOf } from '../state/route.js';

type LastReload = NonNullable<HostStatus['lastReload']>;

/** A configuration may have thousands of faults; `bellows check` lists them all. */
const SHOWN_LINES = 20;

/** Which configuration is in force and how the last reload ended. */
export function Configuration() {
  const host = useHost((state) => state.host);
  if (host === undefined) return null;
  const { configFile, configRevision, lastReload } = host;
  return (
    <section aria-labelledby="configuration">
      <h2 id="configuration">Configuration</h2>
      <div class="card">
        <p class="whole">
          <LongText text={configFile ?? 'given by the program that started this host'} />
        </p>
        <Facts
          facts={[
            ['Revision in force', number(configRevision)],
            ['Last reload', lastReload === undefined ? 'none since the start' : <Outcome key="reload" reload={lastReload} />],
          ]}
        />
        {lastReload !== undefined && <Details reload={lastReload} />}
      </div>
    </section>
  );
}

/** In a line; whole while the file says something else than what is in force, which everybody must see. */
export function ConfigurationInShort() {
  const host = useHost((state) => state.host);
  if (host === undefined) return null;
  const { lastReload } = host;
  if (lastReload !== undefined && !isTaken(lastReload)) return <Configuration />;
  const since = inForceSince(host);
  return (
    <p class="muted">
      Revision {number(host.configRevision)} of the <a href={hrefOf('plugins')}>configuration</a> is in force
      {since !== undefined && (
        <>
          , taken <Ago at={since} />
        </>
      )}
    </p>
  );
}

/** Only the end of the last reload is known: of a later one that changed nothing it is not when the revision came. */
function inForceSince({
  configRevision,
  startedAt,
  lastReload,
}: Pick<HostStatus, 'configRevision' | 'startedAt' | 'lastReload'>): number | undefined {
  if (configRevision === 1) return startedAt;
  return lastReload?.outcome === 'applied' ? lastReload.at : undefined;
}

function Outcome({ reload: { outcome, at } }: { readonly reload: LastReload }) {
  return (
    <>
      <StateMark state={outcome} /> <Ago at={at} />
    </>
  );
}

function Details({ reload }: { readonly reload: LastReload }) {
  const { code, message, problems, warnings, needsHostRestart } = reload;
  // with one fault the message says it
  const faults = problems.length > 1 ? problems.map(({ path, message: fault }) => `${path}: ${fault}`) : [];
  return (
    <>
      <p class={isTaken(reload) ? undefined : 'fault'}>
        {code !== undefined && <code>{shown(code)}</code>} <LongText text={message} />
      </p>
      <Lines title="Faults" lines={faults} />
      <Lines title="Probably not meant" lines={warnings} />
      <Lines title="Waits for a restart of the host" lines={needsHostRestart} />
    </>
  );
}

function Lines({ title, lines }: { readonly title: string; readonly lines: readonly string[] }) {
  if (lines.length === 0) return null;
  const more = lines.length - SHOWN_LINES;
  return (
    <>
      <h3>{title}</h3>
      <ul class="whole">
        {lines.slice(0, SHOWN_LINES).map((line) => (
          <li key={line}>
            <LongText text={line} />
          </li>
        ))}
        {more > 0 && <li>and {number(more)} more</li>}
      </ul>
    </>
  );
}

function isTaken({ outcome }: LastReload): boolean {
  return outcome === 'applied' || outcome === 'unchanged';
}
