import type { GuestCall, Outcome } from './protocol.js';

// Apart from the protocol of the process: `WebAssembly` is no name that the types of this package may need where it is used.

export type ToThread =
  | { readonly type: 'load'; readonly key: string; readonly module: WebAssembly.Module }
  | { readonly type: 'drop'; readonly key: string }
  | { readonly type: 'run'; readonly key: string; readonly call: GuestCall }
  /** Make instances ahead of time until there are `size`, or for a millisecond. */
  | { readonly type: 'refill'; readonly key: string; readonly size: number };

export type FromThread =
  | { readonly type: 'ran'; readonly outcome: Outcome; readonly warm: number }
  | { readonly type: 'refilled'; readonly ok: boolean; readonly warm: number };
