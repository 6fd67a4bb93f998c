import { describe, expect, it } from '@jest/globals';
import { RunningCompute, rejection } from '../running-compute.js';
import { FIXTURE, wat } from '../wat.js';

describe('compute.invoke', () => {
  it('calls an exported function', async () => {
    await using compute = await RunningCompute.start();
    await compute.put('math', FIXTURE);
    expect((await compute.invoke('math', { export: 'add', args: [2, 3] })).results).toEqual([5]);
  });
});
