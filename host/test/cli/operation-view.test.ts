import { describe, expect, it } from '@jest/globals';
import { printOperation } from '../../src/cli/operation-view.js';

describe('an operation on the screen', () => {
  it('shows what a field of the input holds, one level down', () => {
    const lines: string[] = [];
    const deep = { type: 'object', properties: { deeper: { type: 'string' } } };
    const agent = {
      type: 'object',
      description: 'How it is started',
      required: ['command'],
      properties: { driver: { enum: ['plain'], default: 'plain' }, command: { type: 'array', items: { type: 'string' } }, deep },
    };
    printOperation(
      { write: (text: string | Uint8Array) => lines.push(String(text)) },
      {
        name: 'a.start',
        plugin: 'a',
        summary: 'starts',
        role: 'operator',
        runsCommands: false,
        effort: 'wait',
        input: { type: 'object', required: ['agent'], properties: { agent } },
        output: { type: 'object', properties: { agent } },
      },
    );
    const rows = lines
      .join('')
      .split('\n')
      .map((line) => line.replace(/ +/g, ' ').trim());
    expect(rows).toContain('plugin a, least role operator, effort wait (waits for others, takes no place)');
    expect(rows.filter((row) => row.startsWith('agent'))).toEqual([
      'agent object yes How it is started',
      'agent.driver "plain" no "plain"',
      'agent.command list of string yes',
      'agent.deep object no',
      'agent object no How it is started',
    ]);
  });
});
