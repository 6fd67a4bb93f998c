/** The documented entry `@bellows/plugin-harness/load-test`. */
export {
  generateLoadTestSpec,
  LOAD_TEST_SCENARIOS,
  type LoadTestResults,
  type LoadTestScenario,
  type LoadTestSpec,
} from './load-test/load-test-spec.js';
export { type LoadTestOptions, runLoadTest, runLoadTestScenario } from './load-test/run-load-test.js';
