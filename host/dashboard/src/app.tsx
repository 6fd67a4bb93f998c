import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ConnectionBar, ConnectionMark } from './connection-state.js';
import { type Page, PageProvider, useHost } from './live/page-context.js';
import { useStatusPolling } from './live/use-status-polling.js';
import { Empty } from './parts/notices.js';
import { StateMark } from './parts/state-mark.js';
import { HEADING_LENGTH } from './parts/texts.js';
import { duration, percent, shorten, shown } from './state/format.js';
import { hrefOf, parseRoute, type Route, titleOf, VIEWS, type View } from './state/route.js';
import { THEMES, useTheme } from './theme.js';
import { Decisions } from './views/decisions.js';
import { Harness } from './views/harness.js';
import { Job } from './views/job.js';
import { Module } from './views/module.js';
import { Modules } from './views/modules.js';
import { Operations } from './views/operations.js';
import { Overview } from './views/overview.js';
import { Plugins } from './views/plugins.js';
import { Run } from './views/run.js';
import { Workflows } from './views/workflows.js';
import { WayIn } from './way-in.js';

const OVERVIEW_POLL_MS = 1_000;
const OTHER_POLL_MS = 2_000;

/** The whole page. */
export function App({ page }: { readonly page: Omit<Page, 'theme'> }) {
  const theme = useTheme();
  return (
    <PageProvider value={{ ...page, theme: theme.shown }}>
      <Frame theme={theme} />
    </PageProvider>
  );
}

function Frame({ theme }: { readonly theme: ReturnType<typeof useTheme> }) {
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const phase = useHost(({ connection }) => connection.phase);
  const place = `${route.view} ${route.id ?? ''}`;
  useFocusOn(main, place);
  useStatusPolling(route.view === 'overview' ? OVERVIEW_POLL_MS : OTHER_POLL_MS);
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <header class="bar">
        <a class="brand" href={hrefOf('overview')}>
          <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
            <rect width="32" height="32" rx="7" />
            <path d="M8 6v20M24 6v20M8 8l16 3.5L8 15l16 3.5L8 22l16 3" />
          </svg>
          Bellows
        </a>
        <HostMark />
        <MachineSummary />
        <span class="bar-end">
          <ConnectionMark />
          <label class="theme">
            <span class="unseen">Theme</span>
            <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
              <circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor" stroke-width="1.5" />
              <path d="M8 1.5a6.5 6.5 0 0 1 0 13Z" fill="currentColor" />
            </svg>
            <select value={theme.chosen} onChange={({ currentTarget }) => theme.choose(THEMES[currentTarget.selectedIndex] ?? 'system')}>
              {THEMES.map((name) => (
                <option key={name} value={name}>
                  {name === 'system' ? 'auto' : name}
                </option>
              ))}
            </select>
          </label>
        </span>
      </header>
      <ConnectionBar />
      <div class="below">
        <Navigation current={route.view} />
        <main ref={main} id="main" tabIndex={-1} class={phase === 'live' ? undefined : 'stale'}>
          {phase === 'locked' ? <WayIn /> : <Shown key={place} route={route} />}
        </main>
      </div>
      <HostFacts />
    </>
  );
}

function Navigation({ current }: { readonly current: Route['view'] }) {
  return (
    <nav class="views" aria-label="Views">
      <ul>
        {VIEWS.map((view) => (
          <li key={view}>
            <a href={hrefOf(view)} aria-current={view === current ? 'page' : undefined}>
              {nameOf(view)}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Shown({ route }: { readonly route: Route }) {
  const { view, id } = route;
  if (view === 'unknown') {
    return (
      <>
        <h1>Not found</h1>
        <Empty title="There is no such view.">
          <a href={hrefOf('overview')}>Overview</a>
        </Empty>
      </>
    );
  }
  const One = id === undefined ? undefined : { workflows: Run, harness: Job, modules: Module }[view as string];
  return (
    <>
      <h1>
        {One === undefined ? (
          nameOf(view)
        ) : (
          <>
            <a href={hrefOf(view)}>{nameOf(view)}</a> <span aria-hidden="true">/</span>{' '}
            <bdi>{shown(shorten(id ?? '', HEADING_LENGTH))}</bdi>
          </>
        )}
      </h1>
      {One === undefined ? <ListOf route={route} view={view} /> : <One id={id ?? ''} />}
    </>
  );
}

function ListOf({ route, view }: { readonly route: Route; readonly view: View }) {
  switch (view) {
    case 'overview':
      return <Overview />;
    case 'decisions':
      return <Decisions route={route} />;
    case 'plugins':
      return <Plugins />;
    case 'workflows':
      return <Workflows route={route} />;
    case 'harness':
      return <Harness route={route} />;
    case 'modules':
      return <Modules />;
    case 'operations':
      return <Operations />;
  }
}

function HostMark() {
  const ready = useHost(({ host }) => host?.ready);
  return ready === undefined ? null : <StateMark state={ready ? 'healthy' : 'not ready'} label={ready ? 'ready' : 'not ready'} />;
}

function MachineSummary() {
  const machine = useHost((state) => state.machine);
  if (machine === undefined) return null;
  return (
    <span class="machine muted">
      <span>
        CPU <b>{percent(machine.cpuRatio)}</b>
      </span>
      <span>
        Memory <b>{percent(machine.memoryRatio)}</b>
      </span>
      <span>
        Loop <b>{duration(machine.eventLoopDelayP99Ms)}</b>
      </span>
    </span>
  );
}

function HostFacts() {
  const host = useHost((state) => state.host);
  const gaps = useHost((state) => state.gaps);
  const unreadable = useHost((state) => state.unreadable);
  if (host === undefined) return null;
  return (
    <footer class="muted">
      <span>Bellows {shown(host.version)}</span>
      <span>process {host.pid}</span>
      <span>
        configuration <bdi>{shown(host.configFile ?? 'built in')}</bdi> (revision {host.configRevision})
      </span>
      <span>
        data in <bdi>{shown(host.dataDir)}</bdi>
      </span>
      {gaps > 0 && <span>{gaps} gaps in the events</span>}
      {unreadable > 0 && <span>{unreadable} events were not readable</span>}
    </footer>
  );
}

/** Follows the address. */
function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const onChange = () => setHash(location.hash);
    addEventListener('hashchange', onChange);
    return () => removeEventListener('hashchange', onChange);
  }, []);
  const route = parseRoute(hash);
  const title = titleOf(route);
  useEffect(() => {
    document.title = title;
  }, [title]);
  return route;
}

/** Another view begins at its top, with the focus on it, as another page would. */
function useFocusOn(main: RefObject<HTMLElement | null>, place: string): void {
  const last = useRef(place);
  useEffect(() => {
    if (last.current === place) return;
    last.current = place;
    scrollTo({ top: 0 });
    main.current?.focus({ preventScroll: true });
  }, [main, place]);
}

function nameOf(view: View): string {
  return `${view[0]?.toUpperCase()}${view.slice(1)}`;
}
