import { describe, expect, it } from '@jest/globals';
import { Faults } from '../../src/definitions/faults.js';
import { parseTemplate, resolveInput, templateReads } from '../../src/definitions/template.js';
import { thrownBy } from './compiling.js';

const STAGE_NAMES = new Map([
  ['count', 0],
  ['send-mail', 1],
]);

function resolve(json: unknown, input: unknown = {}, outputs: readonly unknown[] = []): unknown {
  const faults = new Faults();
  const template = parseTemplate(json, 'input', { stageNames: STAGE_NAMES, faults, total: { values: 0, chars: 0 } });
  const error = faults.error('the template');
  if (error !== undefined) throw error;
  return resolveInput({ kind: 'template', template }, { input, output: (stage) => outputs[stage] });
}

describe('a template', () => {
  it.each([
    ['${input}', { a: 1 }, { a: 1 }],
    ['${input.a.b[0]}', { a: { b: [7] } }, 7],
    ['${input["a b"].c}', { 'a b': { c: true } }, true],
    ['${input.a}', { a: null }, null],
    ['a ${input.a} b', { a: 1 }, 'a 1 b'],
    ['${input.a}${input.a}', { a: 'x' }, 'xx'],
    ['${input.a}!', { a: { b: [1, null] } }, '{"b":[1,null]}!'],
    ['$${input.a}', { a: 1 }, '${input.a}'],
    ['$${x} ${input.a} $${', { a: 1 }, '${x} 1 ${'],
    ['costs $5 {ok}', {}, 'costs $5 {ok}'],
    ['', {}, ''],
    [{ deep: [{ n: 1, t: '${input.a}' }, null, false] }, { a: [2] }, { deep: [{ n: 1, t: [2] }, null, false] }],
    [5, {}, 5],
  ])('%j of %j gives %j', (template, input, expected) => {
    expect(resolve(template, input)).toStrictEqual(expected);
  });

  it('reads outputs of stages, whatever letters their names have', () => {
    const outputs = [{ words: 3 }, ['sent']];
    expect(resolve({ n: '${stages.count.output.words}', m: '${stages.send-mail.output[0]}' }, {}, outputs)).toEqual({ n: 3, m: 'sent' });
    expect(resolve('${stages["count"].output}', {}, outputs)).toBe(outputs[0]);
  });

  it('makes objects and arrays anew for every call, so that one call cannot spoil the next', () => {
    const faults = new Faults();
    const template = parseTemplate({ list: [1] }, 'input', { stageNames: STAGE_NAMES, faults, total: { values: 0, chars: 0 } });
    const once = () => resolveInput({ kind: 'template', template }, { input: {}, output: () => null }) as { list: number[] };
    once().list.push(2);
    expect(once()).toEqual({ list: [1] });
  });

  it('lists the stages it reads, each once', () => {
    const json = ['${stages.send-mail.output}', { a: 'x ${stages.count.output} ${stages.send-mail.output.b} ${input}' }];
    expect(
      [...templateReads(parseTemplate(json, '', { stageNames: STAGE_NAMES, faults: new Faults(), total: { values: 0, chars: 0 } }))].sort(),
    ).toEqual([0, 1]);
  });

  it.each([
    ['${input.a.c}', 'input.a.c', '"c" in a value of type object'],
    ['${input.a.b.c}', 'input.a.b.c', '"c" in a value of type number'],
    ['x ${input.list[2]}', 'input.list[2]', '"2" in an array of 2'],
    ['${input.none.x}', 'input.none.x', '"x" in null'],
    ['${input.list.length}', 'input.list.length', 'array of 2'],
    ['${input.text.length}', 'input.text.length', 'type string'],
    ['${input.constructor}', 'input.constructor', '"constructor"'],
    ['${input.__proto__}', 'input.__proto__', '"__proto__"'],
    ['${input.toString.name}', 'input.toString', '"toString"'],
    ['${input.gone}', 'input.gone', 'no value'],
  ])('%s is an error that names the path, because nothing is there', (template, path, why) => {
    const input = { a: { b: 1 }, list: [1, 2], none: null, text: 'abc', gone: undefined };
    const error = thrownBy(() => resolve(template, input));
    expect(error).toMatchObject({ code: 'TEMPLATE_UNRESOLVED', message: expect.stringContaining(path) });
    expect(error.message).toContain(why);
  });

  it.each([
    '${',
    '${}',
    '${input',
    '${input.}',
    '${input..a}',
    '${input[a]}',
    '${input[-1]}',
    '${ input }',
    '${inputs}',
    '${input.a + 1}',
    '${process.env}',
    '${stages}',
    '${stages.count}',
    '${stages.count.input}',
    '${input["a]}',
    '${env:HOME}',
  ])('%s is refused when it is compiled', (template) => {
    expect(thrownBy(() => resolve(template))).toMatchObject({ code: 'DEFINITION_INVALID', details: [{ path: 'input' }] });
  });

  it('names the nearest stage for one that is not there', () => {
    expect(thrownBy(() => resolve('${stages.cuont.output}'))).toMatchObject({ details: [{ suggestion: 'count' }] });
  });

  it('never touches a prototype', () => {
    const object = resolve(JSON.parse('{"__proto__": {"polluted": 1}, "constructor": {"prototype": 2}}')) as object;
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
    expect(Object.hasOwn(object, '__proto__')).toBe(true);
    expect('polluted' in {}).toBe(false);
    expect(resolve('${input.__proto__.x}', JSON.parse('{"__proto__": {"x": 1}}'))).toBe(1);
  });

  it('that is nested too deep, circular or too large is refused', () => {
    const circle: unknown[] = [];
    circle.push(circle);
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level += 1) deep = [deep];
    expect(thrownBy(() => resolve(circle)).message).toContain('nested deeper than 100');
    expect(thrownBy(() => resolve(deep)).message).toContain('nested deeper than 100');
    expect(thrownBy(() => resolve(new Array(200_000).fill(0))).message).toContain('more than 100000 values');
    expect(thrownBy(() => resolve('${input}'.repeat(100_000))).message).toContain('more than 1000');
    const wide = new Array(50).fill(0).map(() => deep);
    expect(thrownBy(() => resolve(wide)).details).toHaveLength(50);
  });

  it('of a hostile text is parsed in linear time', () => {
    for (const text of [
      '${'.repeat(500_000),
      '$'.repeat(1_000_000),
      `\${input${'["'.repeat(500_000)}`,
      `\${input["${'\\'.repeat(1_000_000)}`,
      `\${input["${'a'.repeat(10_000_000)}`,
      `\${input["${'a'.repeat(10_000_000)}"]}`,
      `\${input.${'a'.repeat(10_000_000)}}`,
    ]) {
      try {
        resolve(text);
      } catch (error) {
        expect(error).toMatchObject({ code: 'DEFINITION_INVALID' });
      }
    }
    expect(resolve('$${'.repeat(100_000))).toBe('${'.repeat(100_000));
  });

  it('puts together no text that memory cannot hold', () => {
    const input = { large: 'x'.repeat(1024 * 1024) };
    expect(thrownBy(() => resolve('${input.large} '.repeat(900), input))).toMatchObject({ code: 'TEMPLATE_TOO_LARGE' });
  });

  it('refuses what JSON cannot hold', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, () => 1, Symbol('x'), 1n, undefined]) {
      expect(thrownBy(() => resolve({ value }))).toMatchObject({ details: [{ path: 'input.value' }] });
    }
  });

  it('of a function hands the values over and passes on what it throws', () => {
    const values = { input: 3, output: () => 4 };
    expect(resolveInput({ kind: 'function', of: ({ input, output }) => [input, output(0)] }, values)).toEqual([3, 4]);
    expect(() =>
      resolveInput(
        {
          kind: 'function',
          of: () => {
            throw new RangeError('own');
          },
        },
        values,
      ),
    ).toThrow(RangeError);
  });
});
