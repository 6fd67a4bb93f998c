import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from '@jest/globals';
import { GREETER, REPOSITORY, startHost } from './running-host.js';
import { tempFolder } from './temp-folder.js';

const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

// The host carries a copy of the OpenTelemetry API of its own; what is registered with another copy must reach it.
it.each(['opentelemetry-api-of-sdk-2', 'opentelemetry-api-newest'])(
  'makes spans of its calls where a provider is registered with %s before it starts, and has the last ones sent when it stops',
  async (api) => {
    const folder = tempFolder('bellows-tracing');
    const spans = path.join(folder, 'spans.jsonl');
    const require = createRequire(path.join(REPOSITORY, 'host', 'package.json'));
    const from = (name: string) => JSON.stringify(pathToFileURL(require.resolve(name)).href);
    const tracing = path.join(folder, 'tracing.mjs');
    writeFileSync(
      tracing,
      `import { appendFileSync } from 'node:fs';
import api from ${from(api)};
import sdk from ${from('@opentelemetry/sdk-trace')};
const exporter = {
  export(spans, done) {
    for (const span of spans) appendFileSync(${JSON.stringify(spans)}, JSON.stringify({ name: span.name, kind: span.kind, ...span.spanContext(), parent: span.parentSpanContext?.spanId, attributes: span.attributes }) + '\\n');
    done({ code: 0 });
  },
  shutdown: async () => {},
};
api.trace.setGlobalTracerProvider(new sdk.TracerProvider({ spanProcessors: [new sdk.BatchSpanProcessor({ exporter })] }));
`,
    );
    const env = { NODE_OPTIONS: `--import ${pathToFileURL(tracing).href}` };
    const host = await startHost({ folder, config: { plugins: { greeter: { from: GREETER } } }, env });
    expect((await host.call('greeter.greet', { name: 'Ada' }, { traceparent: PARENT })).status).toBe(200);
    const failed = await host.call('greeter.greet', { name: 7 });
    await host.stop();
    const [first, second] = readFileSync(spans, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(first).toMatchObject({ name: 'greeter.greet', kind: 1, traceId: PARENT.slice(3, 35), parent: PARENT.slice(36, 52) });
    expect(second).toMatchObject({ traceId: failed.json.error.traceId, attributes: { 'error.type': 'INPUT_INVALID' } });
  },
);
