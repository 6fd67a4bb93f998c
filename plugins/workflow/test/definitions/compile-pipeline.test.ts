import { describe, expect, it } from '@jest/globals';
import { longestChain } from '../../src/definitions/pipeline-depth.js';
import { resolveInput } from '../../src/definitions/template.js';
import { chainOf, compile, faultsOf, stagesOf } from './compiling.js';

describe('a definition', () => {
  it('becomes a pipeline of indexes, with every default filled in', () => {
    const charge = () => 1;
    const refund = () => 2;
    const definition = {
      name: 'order',
      stages: [
        { name: 'count', operation: 'compute.invoke', input: { text: '${input.text}' } },
        {
          name: 'charge',
          run: 'charge',
          input: '${stages.count.output}',
          dependsOn: ['wait'],
          retry: { maxAttempts: 7 },
          timeoutMs: 5,
          compensate: { run: 'refund', input: { id: '${stages.charge.output.id}', words: '${stages.count.output}' } },
        },
        { name: 'wait', timer: 1_000 },
        { name: 'ship', workflow: 'shipping', dependsOn: ['charge', 'charge'], compensate: { operation: 'mail.send' } },
        { name: 'approve', signal: 'approved', timeoutMs: 9 },
        { name: 'child', workflow: { name: 'shipping', version: 3 } },
      ],
      output: '${stages.charge.output}',
    };
    const pipeline = compile(definition, { functions: new Map(Object.entries({ charge, refund })), file: 'a.yaml' });
    expect(pipeline).toMatchObject({
      name: 'order',
      version: 1,
      roots: [0, 2, 4, 5],
      depth: 3,
      maxDepth: null,
      file: 'a.yaml',
      checkInput: null,
    });
    expect(pipeline.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.parse(pipeline.json!)).toEqual(definition);
    expect(longestChain(pipeline)).toEqual(['count', 'charge', 'ship']);
    const [count, charged, wait, ship, approve, child] = pipeline.stages;
    expect(count).toMatchObject({
      index: 0,
      kind: 'operation',
      operation: 'compute.invoke',
      run: null,
      dependsOn: [],
      dependants: [1],
      timeoutMs: null,
      compensation: null,
    });
    expect(count!.retry).toEqual({ maxAttempts: 3, initialMs: 100, factor: 2, maxMs: 30_000, nonRetryable: [] });
    expect(charged).toMatchObject({
      kind: 'run',
      run: charge,
      dependsOn: [0, 2],
      dependants: [3],
      timeoutMs: 5,
      retry: { maxAttempts: 7, factor: 2 },
    });
    expect(charged!.compensation).toMatchObject({ action: { run: refund }, timeoutMs: 60_000, retry: { maxAttempts: 5, initialMs: 100 } });
    const values = { input: {}, output: (stage: number) => ({ id: `of ${stage}` }) };
    expect(resolveInput(charged!.compensation!.input, values)).toEqual({ id: 'of 1', words: { id: 'of 0' } });
    expect(resolveInput(wait!.input, values)).toBe(1_000);
    expect(ship).toMatchObject({ kind: 'workflow', workflow: { name: 'shipping', version: null }, dependsOn: [1] });
    expect(resolveInput(ship!.compensation!.input, values)).toEqual({});
    expect(approve).toMatchObject({ kind: 'signal', signal: 'approved', timeoutMs: 9 });
    expect(child!.workflow).toEqual({ name: 'shipping', version: 3 });
    expect(resolveInput(pipeline.output!, values)).toEqual({ id: 'of 1' });
  });

  it('tells every fault at once, each with its place and the nearest name', () => {
    const error = faultsOf(
      {
        name: 'order',
        verson: 2,
        stages: [
          { name: 'count', operation: 'compute.invoke', input: '${stages.chrge.output}' },
          { name: 'count', operation: 'compute.invoke' },
          { name: 'charge', run: 'chrge', dependsOn: ['cuont', 'nothing-like-it'] },
          { name: 'both', operation: 'a.b', timer: 1 },
          { name: 'none', dependsOn: ['none'] },
          { name: 'self', operation: 'a.b', dependsOn: ['self'] },
          { name: 'typo', operation: 'a.b', dependOn: [], retry: { maxAttempts: 0, fctor: 1 }, compensate: { retry: { maxMS: 1 } } },
          { name: '1st', operation: 'plain' },
          { name: 'wait', timer: 'soon' },
          { name: 'late', timer: 1, timeoutMs: 1, retry: {}, input: 1 },
          { name: 'undo', operation: 'a.b', compensate: {} },
          'no object',
        ],
        output: '${nothing}',
      },
      { functions: new Map([['charge', () => 1]]) },
    );
    expect(error).toMatchObject({ code: 'DEFINITION_INVALID', kind: 'input' });
    const found = new Map(error.details!.map((detail) => [detail.path, detail.suggestion ?? detail.message]));
    expect(Object.fromEntries(found)).toEqual({
      verson: 'version',
      'stages[0] (count).input': 'charge',
      'stages[1] (count).name': expect.stringContaining('stages[0]'),
      'stages[2] (charge).run': 'charge',
      'stages[2] (charge).dependsOn[0]': 'count',
      'stages[2] (charge).dependsOn[1]': 'there is no stage "nothing-like-it"',
      'stages[3] (both)': expect.stringContaining('operation and timer'),
      'stages[4] (none)': expect.stringContaining('none of them'),
      'stages[5] (self).dependsOn': expect.stringContaining('itself'),
      'stages[6] (typo).dependOn': 'dependsOn',
      'stages[6] (typo).retry.maxAttempts': expect.any(String),
      'stages[6] (typo).retry.fctor': 'factor',
      'stages[6] (typo).compensate.retry.maxMS': 'maxMs',
      'stages[7].name': expect.stringContaining('a name is a letter'),
      'stages[7].operation': expect.stringContaining('<plugin>.<verb>'),
      'stages[8] (wait).timer': expect.stringContaining('a timer is'),
      'stages[9] (late).timeoutMs': expect.any(String),
      'stages[9] (late).retry': expect.any(String),
      'stages[9] (late).input': expect.any(String),
      'stages[10] (undo).compensate': expect.stringContaining('exactly one'),
      'stages[11]': expect.any(String),
      output: expect.any(String),
    });
  });

  it('tells of a stage that its form refuses what else is wrong with it, and all keys there are where none is near', () => {
    const { details } = faultsOf({
      name: 'x',
      stages: [
        { name: 'a', signal: 'go' },
        { name: 'a', timer: 'x', foo: 1 },
        { name: 'b', run: 'nowhere', timer: 1, zebra: 1, compensate: {} },
        { name: 'c', timer: true },
        { name: 'd', opertion: 'a.b' },
      ],
    });
    const known = 'name, operation, run, workflow, timer, signal, input, dependsOn, retry, timeoutMs, thread, compensate';
    expect(details!.map(({ path, message }) => `${path}: ${message}`)).toEqual([
      'stages[1] (a).name: "a" is the name of stages[0] already',
      `stages[1] (a).foo: is not known here; known are ${known}`,
      'stages[1] (a).timer: a timer is a number of ms, { until: ms since 1970 } or one ${…} that gives either',
      `stages[2] (b).zebra: is not known here; known are ${known}`,
      expect.stringContaining('stages[2] (b): a stage has exactly one of'),
      expect.stringContaining('stages[2] (b).run: there is no function "nowhere"'),
      'stages[2] (b).compensate: a compensation has exactly one of operation and run',
      'stages[3] (c).timer: a timer is a number of ms, { until: ms since 1970 } or one ${…} that gives either',
      'stages[4] (d).opertion: is not known here; did you mean "operation"?',
    ]);
  });

  it.each([
    ['FUNCTION_UNKNOWN', { name: 'a', run: 'charge' }, 'stages[0] (a).run'],
    ['FEATURE_UNSUPPORTED', { name: 'a', map: { over: '${input}' } }, 'stages[0] (a).map'],
    ['FEATURE_UNSUPPORTED', { name: 'a', branch: [] }, 'stages[0] (a).branch'],
    ['FEATURE_UNSUPPORTED', { name: 'a', operation: 'a.b', thread: true }, 'stages[0] (a).thread'],
  ])('is refused with %s for %j', (code, stage, path) => {
    expect(faultsOf({ name: 'x', stages: [stage] })).toMatchObject({ code, details: [{ path }] });
  });

  it.each([
    [null],
    [undefined],
    [1],
    ['text'],
    [[]],
    [{}],
    [{ name: 'x' }],
    [{ name: 'x', stages: [] }],
    [{ name: 'x', stages: 'a' }],
    [{ name: 'x', stages: [null] }],
  ])('that is %j is refused', (definition) => {
    expect(faultsOf(definition)).toMatchObject({ code: 'DEFINITION_INVALID' });
  });

  it('tells operations that are not there together with everything else, each once', () => {
    const operations = { has: (name: string) => name === 'compute.invoke', names: () => ['compute.invoke'] };
    const stages = [
      { name: 'a', operation: 'compute.invok', compensate: { operation: 'gone.away' } },
      { name: 'b', operation: 'compute.invok', dependsOn: ['c'] },
      { name: 'd', operation: 'other.gone', timeout: 1 },
      { operation: 'compute.invoke' },
    ];
    const error = faultsOf({ name: 'x', stages }, { operations });
    expect(error).toMatchObject({
      code: 'DEFINITION_INVALID',
      message: expect.stringMatching(/^The definition of "x" cannot be used: .* \(and 5 more, see details\)$/),
    });
    const nearest = 'there is no operation "compute.invok"; did you mean "compute.invoke"?';
    expect(error.details).toEqual([
      { path: 'stages[0] (a).operation', message: nearest, suggestion: 'compute.invoke' },
      { path: 'stages[0] (a).compensate.operation', message: 'there is no operation "gone.away"' },
      { path: 'stages[1] (b).dependsOn[0]', message: 'there is no stage "c"' },
      { path: 'stages[2] (d).timeout', message: expect.any(String), suggestion: 'timeoutMs' },
      { path: 'stages[2] (d).operation', message: 'there is no operation "other.gone"' },
      { path: 'stages[3].name', message: 'is missing: expected a string' },
    ]);
  });

  it('is told in words what is too small, too big or of no form', () => {
    const stages = [
      { name: 'a', timer: -1 },
      { name: 'b', operation: 'test.echo', timeoutMs: 0, retry: { factor: 1e9, nonRetryable: [''] } },
    ];
    const said = new Map(faultsOf({ name: 'x', stages, version: 0 }).details?.map(({ path, message }) => [path, message]));
    expect(said.get('version')).toBe('must be at least 1');
    expect(said.get('stages[1] (b).retry.factor')).toBe('must be at most 100');
    expect(said.get('stages[1] (b).retry.nonRetryable[0]')).toBe('must have at least 1 character');
    expect(said.get('stages[0] (a).timer')).toMatch(/^must be at least 0/);
    expect([...said.values()].join()).not.toMatch(/Too (small|big)/);
  });

  it('is refused for a circle, which is shown in the order of execution, and for each of several', () => {
    const stages = stagesOf({ a: ['c'], b: ['a'], c: ['b'], behind: ['c'], d: ['e'], e: ['d'], fine: [] });
    const { details } = faultsOf({ name: 'x', stages });
    expect(details).toEqual([
      { path: 'stages[0] (a).dependsOn', message: 'stages wait for each other: a → b → c → a' },
      { path: 'stages[4] (d).dependsOn', message: 'stages wait for each other: d → e → d' },
    ]);
  });

  it('is refused for a circle that only templates make', () => {
    const stages = [
      { name: 'a', operation: 'a.b', input: '${stages.b.output}' },
      { name: 'b', operation: 'a.b', compensate: { operation: 'a.b', input: '${stages.a.output}' } },
    ];
    expect(faultsOf({ name: 'x', stages }).message).toContain('a → b → a');
    expect(faultsOf({ name: 'x', stages: [{ name: 'a', operation: 'a.b', input: '${stages.a.output}' }] }).message).toContain('own output');
  });

  it('of 50 stages one after the other is accepted and of 51 refused, showing the chain', () => {
    expect(compile({ name: 'x', stages: chainOf(50) }).depth).toBe(50);
    const error = faultsOf({ name: 'x', stages: chainOf(51) });
    expect(error).toMatchObject({ code: 'PIPELINE_TOO_DEEP', kind: 'config' });
    expect(error.message).toContain('51 stages and 50 are allowed: s0 → s1 → s2 → s3 → s4 → s5 → … 39 more … → s45 → s46');
    expect(compile({ name: 'x', stages: chainOf(51) }, { maxDepth: 51 }).depth).toBe(51);
    expect(faultsOf({ name: 'x', maxDepth: 2, stages: chainOf(3) }).message).toContain('s0 → s1 → s2');
  });

  it('has a hash of what decides how runs go on, and of nothing else', () => {
    const base = {
      name: 'x',
      stages: [...stagesOf({ a: [], b: [] }), { name: 'c', operation: 'a.b', input: { k: 1, l: 2 }, dependsOn: ['a', 'b'] }],
    };
    const { hash } = compile(base);
    const with2 = (change: Record<string, unknown>) =>
      compile({ ...base, stages: [...base.stages.slice(0, 2), { ...base.stages[2], ...change }] }).hash;
    expect(with2({ input: { l: 2, k: 1 } })).toBe(hash);
    expect(with2({ dependsOn: ['b', 'a', 'a'] })).toBe(hash);
    expect(compile({ ...base, maxDepth: 10, version: 2 }).hash).toBe(hash);
    for (const change of [{ input: { k: 1 } }, { dependsOn: ['a'] }, { retry: { maxAttempts: 1 } }, { timeoutMs: 5 }, { name: 'd' }]) {
      expect(with2(change)).not.toBe(hash);
    }
    expect(compile({ ...base, output: 1 }).hash).not.toBe(hash);
    expect(compile({ ...base, stages: [...base.stages].reverse() }).hash).not.toBe(hash);
  });
});
