import { isBellowsError } from '@bellows/sdk';

/** What a script can tell apart. Shown by `bellows --help`. */
export const EXIT = Object.freeze({ ok: 0, failed: 1, usage: 2, unreachable: 3, refused: 4, deadline: 5, interrupted: 130 });

export const EXIT_CODE_HELP = `
Exit codes:
  0    ok
  1    the operation failed
  2    the command line or the configuration is wrong
  3    no host answered
  4    refused: not allowed, in conflict, not ready, or no capacity now
  5    the deadline passed
  130  interrupted`;

export function exitCodeOf(error: unknown): number {
  if (!isBellowsError(error)) return EXIT.failed;
  // That a plugin could not be started is told with the code of why, and the same code has the same exit code wherever it is met.
  if (error.kind === 'plugin' && isBellowsError(error.cause) && error.cause.code === error.code) return exitCodeOf(error.cause);
  if (WRONG_LINE.has(error.code)) return EXIT.usage;
  if (error.code === 'HOST_UNREACHABLE') return EXIT.unreachable;
  if (error.code === 'INTERRUPTED') return EXIT.interrupted;
  switch (error.kind) {
    case 'config':
      return EXIT.usage;
    case 'refused':
    case 'capacity':
    case 'not_ready':
    case 'unauthenticated':
    case 'forbidden':
      return EXIT.refused;
    case 'deadline':
      return EXIT.deadline;
    default:
      return EXIT.failed;
  }
}

/** Faults of what was written on the command line, or of files that it names. */
const WRONG_LINE: ReadonlySet<string> = new Set(['USAGE', 'FILE_UNREADABLE', 'FILE_UNWRITABLE', 'CONFIG_INVALID']);
