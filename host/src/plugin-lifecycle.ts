import { type IClock, InvariantError, type PluginState, type PluginStatus } from '@bellows/sdk';

/**
 * ```text
 * discovered → validated → activating → active ⇄ degraded
 *      |            |           |          └────┬────┘
 *    failed      blocked     waiting (retry)    |         waiting, blocked and failed may try again
 *      └────────────┴───────────┴────────→  stopping → stopped
 * ```
 * As data: from each state, where it may go.
 */
export const TRANSITIONS: Readonly<Record<PluginState, readonly PluginState[]>> = Object.freeze({
  discovered: ['validated', 'failed', 'stopping'],
  validated: ['activating', 'blocked', 'failed', 'stopping'],
  activating: ['active', 'waiting', 'failed', 'stopping'],
  active: ['degraded', 'failed', 'stopping'],
  degraded: ['active', 'failed', 'stopping'],
  waiting: ['activating', 'blocked', 'failed', 'stopping'],
  blocked: ['activating', 'failed', 'stopping'],
  failed: ['activating', 'stopping'],
  stopping: ['stopped'],
  stopped: ['discovered'],
});

export interface StateChange {
  readonly reason: string;
  readonly message: string;
  /** Why an attempt failed, to be kept as `lastAttempt`. */
  readonly failed?: { readonly code: string; readonly message: string };
}

/** The state of one plugin: the only place it changes. Each change is told to `onChange`, after it was made. */
export class PluginLifecycle {
  #status: PluginStatus;
  readonly #clock: IClock;
  readonly #onChange: (status: PluginStatus) => void;
  readonly #hide: (text: string) => string;

  constructor(
    plugin: { readonly id: string; readonly version: string; readonly configRevision: number },
    options: {
      readonly clock: IClock;
      readonly onChange: (status: PluginStatus) => void;
      /** Takes out of a message what must not be shown: messages of errors of the plugin become part of its status. */
      readonly hide: (text: string) => string;
    },
  ) {
    this.#hide = options.hide;
    this.#clock = options.clock;
    this.#onChange = options.onChange;
    this.#status = { ...plugin, state: 'discovered', reason: 'DISCOVERED', message: 'found, not yet checked', since: options.clock.now() };
  }

  get status(): PluginStatus {
    return this.#status;
  }

  get state(): PluginState {
    return this.#status.state;
  }

  /** `InvariantError` for a step that is not in {@link TRANSITIONS}. */
  to(state: PluginState, change: StateChange): void {
    const { id, state: from } = this.#status;
    if (!TRANSITIONS[from].includes(state)) {
      throw new InvariantError('LIFECYCLE_STEP', `plugin ${id} cannot go from ${from} to ${state}; please report this`, { plugin: id });
    }
    const at = this.#clock.now();
    const message = this.#hide(change.message);
    this.#status = { ...this.#status, state, reason: change.reason, message, since: at, ...this.#attempt(change.failed, at) };
    this.#onChange(this.#status);
  }

  /**
   * Tells something that is no step: which configuration it runs with now, of which version its code is, that it is in its state for
   * another reason, or that an attempt to change it failed and it goes on as it was.
   */
  note({ failed, ...known }: Partial<StateChange> & { readonly version?: string; readonly configRevision?: number }): void {
    const message = known.message === undefined ? {} : { message: this.#hide(known.message) };
    this.#status = { ...this.#status, ...known, ...message, ...this.#attempt(failed, this.#clock.now()) };
    this.#onChange(this.#status);
  }

  /** `lastAttempt` goes: what was tried after it has come about. Changes nothing in any state but `active`. */
  forgetFailure(): void {
    if (this.#status.state !== 'active' || this.#status.lastAttempt === undefined) return;
    const { lastAttempt: _over, ...status } = this.#status;
    this.#status = status;
    this.#onChange(status);
  }

  can(state: PluginState): boolean {
    return TRANSITIONS[this.#status.state].includes(state);
  }

  #attempt(failed: StateChange['failed'], at: number): Pick<PluginStatus, 'lastAttempt'> {
    return failed === undefined ? {} : { lastAttempt: { at, code: failed.code, message: this.#hide(failed.message) } };
  }
}
