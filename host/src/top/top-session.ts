import { StringDecoder } from 'node:string_decoder';
import type { IClock } from '@bellows/sdk';
import type { CliIo } from '../cli/cli-deps.js';
import { type FollowOptions, followHost } from './follow-host.js';
import { renderTop, type ScreenSize } from './render-top.js';
import { TerminalScreen } from './terminal-screen.js';
import type { TopData } from './top-data.js';
import { FIRST_VIEW, keysOf, type TopView, viewAfterKey } from './top-view.js';

/** Events may come by the hundred; eyes do not read faster. */
const FRAME_MS = 100;

export interface SessionOptions {
  readonly io: CliIo;
  readonly clock: IClock;
  readonly ascii: boolean;
  readonly follow: Pick<FollowOptions, 'connect' | 'intervalMs'>;
}

/** The live view, until a key or a signal ends it. The terminal is as before when this resolves or rejects, and when the process dies. */
export async function runTopSession(options: SessionOptions): Promise<void> {
  const { io, clock, follow } = options;
  const ended = new AbortController();
  const signal = AbortSignal.any([io.signal, ended.signal]);
  const view = new LiveView(options);
  let isOpen = false;
  const restore = () => {
    view.screen.leave();
    if (isOpen && io.stdin.isTTY) io.stdin.setRawMode?.(false);
    isOpen = false;
  };
  const forget = io.onEnd?.(restore);
  const onResize = () => view.resized();
  try {
    // The screen is taken only when there is something to show: an error belongs where the command was typed.
    const open = () => {
      isOpen = true;
      if (io.stdin.isTTY) io.stdin.setRawMode?.(true);
      view.screen.enter();
      io.stdout.on?.('resize', onResize);
      void readKeys(io, signal, (key) => view.press(key) || ended.abort());
    };
    await followHost({
      ...follow,
      clock,
      signal,
      onData: (data) => {
        if (!isOpen && !signal.aborted) open();
        view.show(data);
      },
    });
  } finally {
    io.stdout.off?.('resize', onResize);
    restore();
    forget?.();
    view.close();
  }
}

/** What is on the screen, and when it is drawn again. */
class LiveView {
  readonly screen: TerminalScreen;
  readonly #options: SessionOptions;
  #view: TopView = FIRST_VIEW;
  #data: TopData | undefined;
  /** What a pause holds on to. */
  #frozen: TopData | undefined;
  #cancel: (() => void) | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.screen = new TerminalScreen(options.io.stdout, { hasColours: !options.io.env.NO_COLOR });
  }

  show(data: TopData): void {
    this.#data = data;
    this.#cancel ??= this.#options.clock.setTimer(FRAME_MS, () => this.#draw());
  }

  /** False when the key means the end. */
  press(key: string): boolean {
    const shown = this.#frozen ?? this.#data;
    if (shown === undefined) return key !== 'q' && key !== '\u0003';
    const next = viewAfterKey(this.#view, key, shown);
    if (next === 'quit') return false;
    if (next.isPaused !== this.#view.isPaused) this.#frozen = next.isPaused ? this.#data : undefined;
    this.#view = next;
    this.#draw();
    return true;
  }

  resized(): void {
    this.screen.clear();
    this.#draw();
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #draw(): void {
    this.close();
    if (this.#data === undefined) return;
    // A pause holds the numbers; that the host has gone is still to be seen.
    const data = this.#frozen === undefined ? this.#data : { ...this.#frozen, connection: this.#data.connection };
    this.screen.draw(renderTop(data, this.#view, this.#size()));
  }

  /** A terminal that does not know its size says 0. */
  #size(): ScreenSize {
    const { io, ascii, clock } = this.#options;
    return { columns: io.stdout.columns || 80, rows: io.stdout.rows || 24, ascii, now: clock.now() };
  }
}

/** Ends with the input or the signal; input that fails only takes the keys away. */
async function readKeys({ stdin }: CliIo, signal: AbortSignal, press: (key: string) => unknown): Promise<void> {
  const decoder = new StringDecoder('utf8');
  try {
    for await (const chunk of stdin) {
      for (const key of keysOf(typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk)))) {
        if (signal.aborted) return;
        press(key);
      }
    }
  } catch {
    // The terminal has gone; a signal ends the view.
  }
}
