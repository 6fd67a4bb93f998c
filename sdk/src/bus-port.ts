import type { BusPort } from './bus-bridge-contract.js';

/** `MessagePort`, `parentPort` and `Worker` have these. */
export interface MessageEnd {
  /** Of a `Worker`: -1 once it has ended. */
  readonly threadId?: number;
  postMessage(message: unknown): void;
  on(event: string, listener: (message: unknown) => void): unknown;
  off(event: string, listener: (message: unknown) => void): unknown;
}

/** `process` of a forked process and the `ChildProcess` of its parent have these. */
export interface IpcEnd {
  readonly connected?: boolean;
  send?(message: never, callback: (error: Error | null) => void): unknown;
  on(event: string, listener: (message: unknown) => void): unknown;
  off(event: string, listener: (message: unknown) => void): unknown;
}

/**
 * A port over one end of a channel. Processes must be forked with `serialization: 'advanced'`; the default turns bytes and dates into
 * something else. Other messages may go over the same channel. Of a thread or process that has ended already the port is closed at once.
 */
export function busPortOf(end: MessageEnd | IpcEnd): BusPort {
  return {
    post: 'postMessage' in end ? (message) => end.postMessage(message) : (message) => sendTo(end, message),
    listen({ message, close }) {
      // an end that was destroyed in between says so by several of these
      const listeners = [['message', message] as const, ...CLOSING.map((event) => [event, () => close()] as const)];
      for (const [event, listener] of listeners) end.on(event, listener);
      // it emits nothing any more
      if (hasEnded(end)) queueMicrotask(close);
      return () => {
        for (const [event, listener] of listeners) end.off(event, listener);
      };
    },
  };
}

/** Of a `MessagePort`, of a process, of a `Worker` and a `ChildProcess`. */
const CLOSING = ['close', 'disconnect', 'exit'] as const;

function hasEnded(end: MessageEnd | IpcEnd): boolean {
  return 'postMessage' in end ? end.threadId === -1 : end.send === undefined || end.connected === false;
}

function sendTo(end: IpcEnd, message: unknown): void {
  // without a callback a channel that just closed would emit an `error`, which ends the process
  end.send?.(message as never, ignoreFailure);
}

function ignoreFailure(): void {
  // `disconnect` or `exit` follows
}
