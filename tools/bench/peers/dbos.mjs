// DBOS with PostgreSQL: a workflow of three steps that do nothing, called in the process that runs it.
import { startPostgres } from './servers.mjs';
import { softwareFrom } from './software.mjs';

export async function open(folder, software) {
  const { DBOS } = softwareFrom(software, '@dbos-inc/dbos-sdk');
  const server = await startPostgres(folder);
  try {
    const workflow = DBOS.registerWorkflow(
      async () => {
        for (const name of ['a', 'b', 'c']) await DBOS.runStep(async () => null, { name });
      },
      { name: 'three' },
    );
    DBOS.setConfig({ name: 'bellows-bench', systemDatabaseUrl: server.url('dbos'), logLevel: 'error' });
    await DBOS.launch();
    return {
      run: () => workflow(),
      async close() {
        await DBOS.shutdown();
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
