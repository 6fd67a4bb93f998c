import { NotFoundError, silentLogger, systemClock, systemRandom } from '@bellows/sdk';

/** What a host gives to the plugin, over what is built. */
export function makeContext({ config, dataDir, configFolder, store, operations = new Map(), clock = systemClock, random = systemRandom }) {
  const provided = new Map();
  const owned = [];
  const subsystems = [];
  const troubles = new Map();
  const call = async (name, input, options) => {
    const operation = operations.get(name);
    if (operation === undefined) throw new NotFoundError('OPERATION_UNKNOWN', `There is no operation ${name}`);
    return operation(input, options);
  };
  const list = () => [...operations.keys()].map((name) => ({ name, role: 'operator', runsCommands: false }));
  const rulesOf = (name) => (operations.has(name) ? { role: 'operator', runsCommands: false } : undefined);
  const context = {
    id: 'workflow',
    config,
    dataDir,
    configFolder: configFolder ?? dataDir,
    operations: { provide: (definition) => provided.set(definition.name, definition), call, list, rulesOf },
    store,
    logger: silentLogger,
    clock,
    random,
    signal: new AbortController().signal,
    get: () => ({ latest: { cores: 2, memoryTotalBytes: 2 ** 33 }, complete: Promise.resolve() }),
    own: (one) => {
      owned.push(one);
      return one;
    },
    registerSubsystem: (one) => subsystems.push(one),
    onReconfigure: () => {},
    degrade: (reason, message) => troubles.set(reason, message),
    recover: (reason) => troubles.delete(reason),
  };
  const release = async () => {
    for (const one of owned.splice(0).reverse()) {
      if (typeof one === 'function') await one();
      else await (one[Symbol.asyncDispose] ?? one[Symbol.dispose]).call(one);
    }
  };
  return { context, provided, subsystems, troubles, release };
}
