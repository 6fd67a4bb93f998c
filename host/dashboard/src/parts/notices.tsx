import type { ComponentChildren } from 'preact';
import type { RequestFailure } from '../live/host-requests.js';
import { useHost } from '../live/page-context.js';
import { hrefOf } from '../state/route.js';
import { StateMark } from './state-mark.js';
import { LongText } from './texts.js';

/** Nothing to show, and what to do about it. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

export function Loading() {
  return <p class="muted loading">Asking the host …</p>;
}

/** Why an operation did not answer, in words for whoever looks: most often its plugin is not there. */
export function Failure({ failure, plugin }: { readonly failure: RequestFailure; readonly plugin: string }) {
  const status = useHost(({ plugins }) => plugins.find(({ id }) => id === plugin));
  if (failure.code === 'OPERATION_UNKNOWN' && status === undefined) return <Absent plugin={plugin} />;
  if (['OPERATION_UNKNOWN', 'OPERATION_UNAVAILABLE'].includes(failure.code) && status !== undefined) {
    return (
      <Empty title={`The plugin ${plugin} offers nothing now.`}>
        <p>
          <StateMark state={status.state} /> <LongText text={status.message || status.reason} />
        </p>
        <p>
          <a href={hrefOf('plugins')}>All plugins</a>
        </p>
      </Empty>
    );
  }
  return (
    <Empty title={failure.status === 404 ? 'There is no such thing here.' : 'The host did not answer this.'}>
      <p>
        <code>{failure.code}</code> <LongText text={failure.message} />
      </p>
    </Empty>
  );
}

function Absent({ plugin }: { readonly plugin: string }) {
  return (
    <Empty title={`The plugin ${plugin} is not loaded in this host.`}>
      <p>
        Name it in <code>bellows.yaml</code> and run <code>bellows reload</code>, or start the host again:
      </p>
      <pre>{`plugins:\n  ${plugin}: { from: "@bellows/plugin-${plugin}" }`}</pre>
    </Empty>
  );
}
