import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { COPY_WITHIN_MS, GATHER_RELOADS_MS, type HeardSignal, SignalLaw } from '../src/signal-law.js';

interface Heard {
  readonly canLoseTerminal?: boolean;
  readonly takesReloads?: boolean;
}

function listen({ canLoseTerminal = false, takesReloads = true }: Heard = {}) {
  const clock = new FakeClock();
  const wishes: string[] = [];
  const law = new SignalLaw({ clock, canLoseTerminal, takesReloads: () => takesReloads, obey: (wish) => wishes.push(wish) });
  return { clock, law, wishes };
}

/** Numbers pass time, in ms. */
async function wishesOf(said: readonly (HeardSignal | number)[], options?: Heard): Promise<readonly string[]> {
  const { clock, law, wishes } = listen(options);
  for (const one of said) {
    if (typeof one === 'number') await clock.advance(one);
    else law.hear(one);
  }
  await clock.advance(GATHER_RELOADS_MS);
  expect(clock.pending).toBe(0);
  return wishes;
}

describe('what signals mean', () => {
  it.each<[string, readonly (HeardSignal | number)[], readonly string[]]>([
    ['takes copies of a SIGTERM for the same wish', ['SIGTERM', 0, 'SIGTERM', COPY_WITHIN_MS - 1, 'SIGTERM'], ['stop']],
    ['takes a SIGTERM that comes later for a second one', ['SIGTERM', COPY_WITHIN_MS, 'SIGTERM'], ['stop', 'force']],
    ['takes copies of the second one for the same, too', ['SIGTERM', 5_000, 'SIGTERM', 3, 'SIGTERM'], ['stop', 'force']],
    ['lets a third one end the process', ['SIGTERM', 5_000, 'SIGTERM', 5_000, 'SIGTERM'], ['stop', 'force', 'end']],
    ['ends at once for a second Ctrl-C, however soon', ['SIGINT', 'SIGINT', 'SIGINT'], ['stop', 'force', 'end']],
    ['ends at once for another signal than the first', ['SIGTERM', 'SIGINT'], ['stop', 'force']],
    ['ends at once for a SIGTERM after a Ctrl-C, but once for all of its copies', ['SIGINT', 'SIGTERM', 'SIGTERM'], ['stop', 'force']],
    ['reloads once for copies of a SIGHUP', ['SIGHUP', 40, 'SIGHUP', 40, 'SIGUSR2'], ['reload']],
    ['reloads again for one that comes later', ['SIGHUP', GATHER_RELOADS_MS, 'SIGHUP'], ['reload', 'reload']],
    ['does not count a reload as a wish to end', ['SIGHUP', 'SIGINT', 'SIGINT'], ['stop', 'force', 'reload']],
  ])('%s', async (_what, said, wishes) => {
    expect(await wishesOf(said)).toEqual(wishes);
  });

  it.each<[string, Heard]>([
    ['a terminal can have closed', { canLoseTerminal: true }],
    ['nobody takes reloads', { takesReloads: false }],
  ])('is an end for SIGHUP where %s, and never a second one', async (_where, options) => {
    expect(await wishesOf(['SIGHUP', 'SIGHUP', 10_000, 'SIGHUP', 'SIGTERM'], options)).toEqual(['stop', 'force']);
  });

  it('reads what was written before the last signal: a reload is never earlier than any signal it stands for', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(2 * GATHER_RELOADS_MS), { minLength: 1, maxLength: 20 }), async (pauses) => {
        const { clock, law, wishes } = listen();
        for (const pause of pauses) {
          await clock.advance(pause);
          const before = wishes.length;
          law.hear('SIGHUP');
          expect(wishes).toHaveLength(before);
        }
        const before = wishes.length;
        await clock.advance(GATHER_RELOADS_MS);
        expect(wishes).toHaveLength(before + 1);
      }),
      { numRuns: 50 },
    );
  });

  it('expects copies for a while after a SIGTERM only', async () => {
    const { clock, law } = listen();
    expect(law.expectsCopies).toBe(false);
    law.hear('SIGINT');
    expect(law.expectsCopies).toBe(false);
    law.hear('SIGTERM');
    await clock.advance(COPY_WITHIN_MS - 1);
    expect(law.expectsCopies).toBe(true);
    await clock.advance(1);
    expect(law.expectsCopies).toBe(false);
  });
});
