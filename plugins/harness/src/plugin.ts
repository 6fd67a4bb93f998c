import { type PluginContext, Semaphore, TOKENS } from '@bellows/sdk';
import type { HarnessConfig } from './config.js';
import { checkGitVersion } from './git/check-git-version.js';
import { Coordinator } from './jobs/coordinator.js';
import { runLoadTest } from './load-test/run-load-test.js';
import { sweepLoadTests } from './load-test/sweep-load-tests.js';
import { provideOperations } from './operations.js';
import { reconfigure } from './reconfigure.js';

/** Puts the parts of harness together and goes on with the jobs of an earlier run. `GIT_MISSING`, `SCALE_CONFIG_INVALID`. */
export async function activateHarness(ctx: PluginContext<HarnessConfig>): Promise<Coordinator> {
  const { config, clock, random, logger, dataDir } = ctx;
  const coordinator = new Coordinator(
    { dataDir },
    {
      cwd: ctx.configFolder,
      enableScaleManager: true,
      scaleConfig: config.scale,
      services: { config, clock, random, logger, cores: ctx.get(TOKENS.Machine).latest.cores, display: (text) => logger.info(text) },
    },
  );
  ctx.own(() => coordinator.stop());
  await checkGitVersion(process.env as Record<string, string>);
  await sweepLoadTests(dataDir, { clock, logger });
  await coordinator.initialize();
  ctx.registerSubsystem(coordinator.scaleManager);
  ctx.onReconfigure((change) => reconfigure(coordinator, change));
  const turns = new Semaphore({ permits: 1, clock });
  provideOperations(ctx.operations, {
    coordinator,
    loadTest: async (spec, signal) => {
      const ended = AbortSignal.any([signal, ctx.signal]);
      const turn = await turns.acquire({ signal: ended });
      try {
        return await runLoadTest(spec, dataDir, { signal: ended, clock, logger });
      } finally {
        turn?.release();
      }
    },
  });
  return coordinator;
}
