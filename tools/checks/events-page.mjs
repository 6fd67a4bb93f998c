import { readFileSync } from 'node:fs';
import path from 'node:path';
import { TOPIC_CLASSES } from '@bellows/sdk';
import { code, table } from './markdown.mjs';

/** The classes come from the built package, the payloads from the source of the contract: types are gone in what is built. */
export async function eventsPage(root) {
  const contract = readFileSync(path.join(root, 'sdk/src/events.ts'), 'utf8');
  const decision = readFileSync(path.join(root, 'sdk/src/scaling-decision.ts'), 'utf8');
  const payloads = new Map([...contract.matchAll(/^ {2}(\w+): (\w+);$/gm)].map(([, topic, type]) => [topic, type]));
  const sections = Object.keys(TOPIC_CLASSES).map((topic) => {
    const type = payloads.get(topic);
    const source = interfaceOf(contract, type) ?? interfaceOf(decision, type);
    if (source === undefined) throw new Error(`The payload of the topic ${topic} is not in the sources of the contract`);
    return `## \`${topic}\`\n\n\`\`\`ts\n${source}\n\`\`\`\n`;
  });
  const overview = table(
    ['topic', 'class', 'payload'],
    Object.entries(TOPIC_CLASSES).map(([topic, kind]) => [code(topic), kind, code(payloads.get(topic))]),
  );
  return new Map([
    [
      'events.md',
      `# Events

An event is one frozen envelope, \`{ topic, id, at, source, version: 1, payload }\`: built once per publish, shared by all subscribers, \`at\` in ms
since 1970. *data* may be shed when a mailbox is full; *signal* is never shed and keeps its place; *control* is never shed and overtakes.
Over HTTP: \`GET /v1/events?topics=a,b\` (server-sent events; \`Last-Event-ID\` resumes), for topics of plugins too, also before they are first published on. A plugin may publish topics of its own, which are *data*
unless it says otherwise.

${overview}

## Where isolation ends

\`bus.subscribe\` promises order, a bound, and that nothing a handler does reaches a publisher or another subscriber. \`bus.observe\` promises the same up
to the subscriber of the Observable: its events come through a mailbox of its own, and synchronous operators run in its turn. What a subscriber throws is
reported and hurts nobody; an operator that throws ends that pipeline for good, and \`retry\` or \`catchError\` begin it again. The bound ends at the first
asynchronous operator (\`concatMap\`, \`mergeMap\`, \`delay\`, \`observeOn\`): its buffer is that of RxJS and grows with what it does not get done. Use
\`subscribe\` with a handler that answers a promise instead: the bus waits for it. *signal* and *control* are never shed, so a subscriber slower than
they come fills the memory; one that wants data only says \`class: 'data'\`. Other threads and processes: [bridge the bus](../how-to/bridge-the-bus.md).

${sections.join('\n')}`,
    ],
  ]);
}

function interfaceOf(source, name) {
  return new RegExp(`^(?:/\\*\\*(?:(?!\\*/)[\\s\\S])*\\*/\\n)?export interface ${name} \\{[\\s\\S]*?^\\}`, 'm').exec(source)?.[0];
}
