import { messageOf } from '@bellows/sdk';
import { CHECKS } from './checks.js';
import type { Check, FindingState, NamedFinding, Place } from './finding.js';
import type { Probes } from './probes.js';

/** A check that waits longer waits for something that hangs. */
const CHECK_MS = 10_000;
const ORDER: readonly FindingState[] = ['fail', 'warn', 'unknown', 'ok'];

/**
 * Runs all checks at the same time and answers their findings, worst first, else in the order of the checks. A check that throws
 * is `unknown`, one that hangs a warning. Never rejects.
 */
export async function examine(probes: Probes, checks: readonly Check[] = CHECKS): Promise<readonly NamedFinding[]> {
  const place = await placeOf(probes);
  const findings = await Promise.all(checks.map((check) => bounded(check, place)));
  return ORDER.flatMap((state) => findings.filter((finding) => finding.state === state));
}

async function placeOf(probes: Probes): Promise<Place> {
  const config = await probes.readConfig();
  const { file, problems, address, port, dataDir, secretFiles } = config;
  const isHeld = await probes.isLocked(dataDir).catch(() => undefined);
  const host = await probes.readHostFile(dataDir);
  return { probes, configFile: file, configProblems: problems, address, port, dataDir, secretFiles, host, isHeld };
}

async function bounded({ id, run }: Check, place: Place): Promise<NamedFinding> {
  const given = new AbortController();
  const late = place.probes.clock.sleep(CHECK_MS, given.signal).then(
    (): NamedFinding => ({
      id,
      state: 'warn',
      found: `no answer within ${CHECK_MS / 1_000} s`,
      todo: 'Look whether a disk, a network folder or a program that it asks hangs.',
    }),
  );
  late.catch(() => {});
  try {
    return await Promise.race([late, run(place).then((finding) => ({ id, ...finding }))]);
  } catch (error) {
    return { id, state: 'unknown', found: `it could not be checked: ${messageOf(error)}` };
  } finally {
    given.abort();
  }
}
