import { type OperationInfo, z } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import { openApiDocument } from '../../src/operations/openapi.js';
import { jsonSchemaOf } from '../../src/operations/operation-schemas.js';

type Tree = { value: number; children: Tree[] };
const tree: z.ZodType<Tree> = z.lazy(() => z.strictObject({ value: z.number(), children: z.array(tree) }));

const operations: OperationInfo[] = [
  {
    name: 'demo.tree',
    plugin: 'demo',
    summary: 'Walks a tree.',
    role: 'reader',
    runsCommands: true,
    effort: 'view',
    input: jsonSchemaOf(tree, 'input'),
    output: jsonSchemaOf(z.strictObject({ sum: z.number() }), 'output'),
  },
];

type Node = { [key: string]: Node };

function resolve(document: unknown, pointer: string): unknown {
  return pointer
    .slice(2)
    .split('/')
    .reduce((node, part) => (node as Node)?.[part.replaceAll('~1', '/').replaceAll('~0', '~')] as Node, document as Node);
}

function references(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) => (key === '$ref' ? [value as string] : references(value)));
}

describe('openApiDocument', () => {
  const document = openApiDocument(operations, '1.2.3') as Node;

  it('describes every operation with its own schemas, and the fixed routes', () => {
    expect(document).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } });
    expect(Object.keys(document.paths ?? {})).toEqual(
      expect.arrayContaining(['/health', '/ready', '/v1/events', '/v1/files', '/v1/operations/demo.tree']),
    );
    expect(document.paths?.['/v1/operations/demo.tree']?.post).toMatchObject({
      operationId: 'demo.tree',
      security: [{ token: [] }],
      requestBody: { required: true },
      responses: { 200: { content: { 'application/json': { schema: { properties: { sum: { type: 'number' } } } } } } },
    });
  });

  it('holds no reference that leads nowhere, also for recursive schemas', () => {
    const found = references(document);
    expect(found.some((pointer) => pointer.includes('demo.tree'))).toBe(true);
    for (const pointer of found) expect({ pointer, target: resolve(document, pointer) }).toMatchObject({ target: expect.anything() });
  });

  it('gives each path item only methods whose answers are described', () => {
    for (const item of Object.values(document.paths ?? {})) {
      for (const [method, operation] of Object.entries(item)) {
        expect(['get', 'post']).toContain(method);
        for (const answer of Object.values(operation.responses ?? {})) expect('$ref' in answer || 'description' in answer).toBe(true);
      }
    }
  });

  it('gives each operation an id of its own, and says where no token helps or one is needed', () => {
    const all = Object.values(document.paths ?? {}).flatMap((item) => Object.values(item));
    const ids = all.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).not.toContain(undefined);
    expect(document.security).toEqual([{}, { token: [] }]);
    expect(document.paths?.['/health']?.get).toMatchObject({ security: [] });
  });

  it('is the same for the same operations', () => {
    expect(openApiDocument(operations, '1.2.3')).toEqual(document);
  });
});
