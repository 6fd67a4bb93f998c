import { describe, expect, it } from '@jest/globals';
import { callOptionsFrom, deadlineText, type OperationCall } from '../src/index.js';

const call: OperationCall = {
  operation: 'demo.run',
  tenant: 'acme',
  user: 'ann',
  criticality: 'bulk',
  deadlineAt: 5,
  signal: new AbortController().signal,
  idempotencyKey: 'k',
  traceId: 't',
  authority: { role: 'reader', runsCommands: false, tenant: 'acme' },
};

describe('callOptionsFrom', () => {
  it('hands on all that is of the caller, and not the key of its piece of work', () => {
    const { operation: _operation, idempotencyKey: _key, ...handedOn } = call;
    expect(callOptionsFrom(call)).toEqual(handedOn);
    expect(callOptionsFrom({ ...call, traceparent: 'p' })).toEqual({ ...handedOn, traceparent: 'p' });
  });
});

describe('deadlineText', () => {
  it('says what ran out of time, and where it went when that is known', () => {
    expect(deadlineText('The call of a.b')).toBe('The call of a.b did not end before its deadline: give it more time or less work.');
    expect(deadlineText('The call', 'it waited')).toContain('deadline (it waited):');
  });
});
