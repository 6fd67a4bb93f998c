import { messageOf } from '@bellows/sdk';
import { HOST_VERSION } from '../version.js';
import { type Finding, fail, ok, type Place, unknown, warn } from './finding.js';

/** Whether the host of the data folder answers, if there is one. That none runs is no fault. */
export async function checkHost({ probes, host, isHeld }: Place): Promise<Finding> {
  if (host === null) return isHeld === undefined ? unknown('whether one runs here cannot be told') : ok('none runs here');
  if (isHeld === false) return ok('none runs here (one ended without taking its host.json with it)');
  const where = `process ${host.pid} at ${host.url}`;
  try {
    const { version, ready, tokensRefused } = await probes.askHost(host);
    if (!ready) return warn(`${where} is up, but not ready`, 'Ask "bellows plugins" which plugin is not active, and why.');
    if (tokensRefused !== undefined) {
      const { message } = tokensRefused;
      return warn(
        `${where} has refused the tokens file, the earlier tokens hold: ${message}`,
        'Mend the file: the host looks at it every two seconds.',
      );
    }
    if (version === HOST_VERSION) return ok(`${where}, version ${version}, ready`);
    return warn(
      `${where} is version ${version}, this command ${HOST_VERSION}`,
      'Start the host again with the version that is installed now.',
    );
  } catch (error) {
    return fail(
      `${where} does not answer: ${messageOf(error)}`,
      'It is overloaded, hangs or is just starting: look at its log in the data folder, and stop it if it stays so.',
    );
  }
}
