// The "Quick Start" and the examples of the document this plugin is built after, nearly as written. Prints what it saw.
// biome-ignore lint/style/noRestrictedImports: a package may name itself, and this is what its users write
import { Coordinator, createScaleManager, ScaleManager, WorkerPool } from '@bellows/plugin-harness';
import { generateLoadTestSpec, LOAD_TEST_SCENARIOS, runLoadTest, runLoadTestScenario } from '@bellows/plugin-harness/load-test';

const [dataDir, request] = process.argv.slice(2);
const cwd = process.cwd();
const harnessState = { dataDir, jobs: [JSON.parse(request)] };
const seen = {};

const coordinator = new Coordinator(harnessState, {
  cwd: process.cwd(),
  maxWorkers: 25, // Target concurrent workers
  enableScaleManager: true,
  scaleConfig: {
    minWorkers: 4,
    maxWorkers: 30,
    targetQueueDepth: 10,
    maxQueueDepth: 100,
  },
});
await coordinator.initialize();
seen.limit = coordinator.getMetrics().workers.limit;
const [report] = await coordinator.run();
seen.status = report.status;
seen.attempts = report.issues.map(({ attempts }) => attempts);

const workerPool = new WorkerPool(cwd);
const scaleManager = new ScaleManager(workerPool, cwd, null, {
  minWorkers: 4,
  maxWorkers: 30,
});
await scaleManager.start();
const metrics = scaleManager.getMetrics();
console.log(`Workers: ${metrics.activeWorkers}/${metrics.currentWorkers}`);
console.log(`Success rate: ${(metrics.successRate * 100).toFixed(1)}%`);
console.log(`Health: ${metrics.health}`);
seen.exceeded = scaleManager.hasExceededQuota('worker-1');
seen.backpressure = scaleManager.shouldApplyBackpressure();
scaleManager.displayMetrics();
await scaleManager.stop();
seen.metrics = Object.keys(metrics);
seen.factory = createScaleManager(workerPool, cwd) instanceof ScaleManager;

const spec = generateLoadTestSpec({
  totalIssues: 200,
  concurrentAgents: 25,
  avgSessionDurationMs: 60000, // 1 minute
  sessionDurationVariance: 0.3, // ±30%
  failureRate: 0.1, // 10% failure rate
  rampUpMs: 90000, // 90 second ramp-up
});
// the same, but smaller and faster, so that it takes a moment and not minutes
const results = await runLoadTest({ ...spec, totalIssues: 4, concurrentAgents: 2, speed: 600 }, cwd);
console.log(results.summary);
seen.results = Object.keys(results);
seen.passed = results.passed;
seen.scenarios = Object.keys(LOAD_TEST_SCENARIOS);
seen.runsScenarios = typeof runLoadTestScenario;
console.log(JSON.stringify(seen));
