import { stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { JobStore } from '../../src/jobs/job-store.js';
import { LiveJob } from '../../src/jobs/live-job.js';
import type { JobRecord, SessionRecord } from '../../src/jobs/stored-records.js';
import { rejection, scratchFolder, stubIssue } from '../running-harness.js';

function job(id: string, fields: Partial<JobRecord> = {}): JobRecord {
  const spec = {
    id,
    repo: '/repo',
    branch: 'work',
    landOnCheckedOut: false,
    issues: [stubIssue('a'), stubIssue('b', 'ok', { dependsOn: ['a'] })],
    agent: { driver: 'plain', command: ['agent'] },
    verify: ['check'],
    maxWorkers: null,
    tenant: 't',
    user: 'u',
    authority: { role: 'operator', runsCommands: true },
  } as const;
  return { spec, requestHash: 'hash', status: 'running', cancelled: false, warnings: ['mind'], createdAt: 1.5, endedAt: null, ...fields };
}

const SESSION: SessionRecord = {
  id: 's1',
  jobId: 'one',
  issueId: 'a',
  epoch: 1,
  repo: '/repo',
  branch: 'work',
  since: 2.25,
  workspacePath: null,
  base: null,
  process: null,
  candidate: null,
};

describe('the database of jobs', () => {
  it('is readable for its owner only, whatever the rights of the folder', async () => {
    await using scratch = await scratchFolder();
    const store = await JobStore.open(path.join(scratch.path, 'harness.db'));
    for (const name of ['harness.db', 'harness.db-wal']) expect((await stat(path.join(scratch.path, name))).mode & 0o077).toBe(0);
    store.close();
  });

  it('gives back after it was closed and opened again what it was given', async () => {
    await using scratch = await scratchFolder();
    const file = path.join(scratch.path, 'harness.db');
    const first = await JobStore.open(file);
    const live = new LiveJob(job('one'), [], 0);
    await first.write(live.everything());
    await first.write([{ kind: 'session', record: SESSION }]);
    const later = { ...SESSION, workspacePath: '/w', base: 'b', process: { pid: 7, startedAt: 'then' }, candidate: 'c' };
    await first.write([{ kind: 'session', record: later }]);
    first.close();
    first.close();
    expect((await rejection(first.write([]))).code).toBe('HARNESS_STORE_FAILED');
    const second = await JobStore.open(file);
    expect(second.job('one')).toEqual(job('one'));
    expect(second.issues('one').map(({ id, status }) => [id, status])).toEqual([
      ['a', 'ready'],
      ['b', 'blocked'],
    ]);
    expect(second.sessions()).toEqual([later]);
    expect(second.runningJobs().map(({ spec }) => spec.id)).toEqual(['one']);
    expect(second.job('two')).toBeNull();
    second.close();
  });

  it('keeps the changes of one call together, and one call that cannot be kept harms no other', async () => {
    await using scratch = await scratchFolder();
    const store = await JobStore.open(path.join(scratch.path, 'harness.db'));
    const orphan = { kind: 'event', event: { jobId: 'nobody', issueId: null, type: 'x', at: 1, data: {} } } as const;
    const outcomes = await Promise.allSettled([
      store.write(new LiveJob(job('one'), [], 0).everything()),
      store.write([...new LiveJob(job('two'), [], 0).everything(), orphan]),
      store.write(new LiveJob(job('three'), [], 0).everything()),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(store.list({ limit: 9, cursor: null }).items.map(({ id }) => id)).toEqual(['three', 'one']);
    expect(store.issues('two')).toEqual([]);
    store.close();
  });

  it('lists page by page, and forgets old jobs that have nothing left to tidy up', async () => {
    await using scratch = await scratchFolder();
    const store = await JobStore.open(path.join(scratch.path, 'harness.db'));
    for (const [index, id] of ['one', 'two', 'three'].entries()) {
      await store.write(new LiveJob(job(id, { status: 'failed', endedAt: index }), [], 0).everything());
    }
    await store.write([{ kind: 'session', record: SESSION }]);
    const page = store.list({ limit: 2, cursor: null });
    expect(page.items.map(({ id, issues }) => [id, issues])).toEqual([
      ['three', 2],
      ['two', 2],
    ]);
    expect(store.list({ limit: 2, cursor: page.cursor })).toMatchObject({ items: [{ id: 'one' }], cursor: null });
    expect(store.sweep(2)).toEqual(['two']);
    expect(store.issues('two')).toEqual([]);
    store.close();
  });

  it('says so when the file is no database, or one of a newer version', async () => {
    await using scratch = await scratchFolder();
    const file = path.join(scratch.path, 'harness.db');
    await writeFile(file, 'not a database, but long enough to be read as the head of one'.repeat(20));
    expect((await rejection(JobStore.open(file))).code).toBe('HARNESS_STORE_FAILED');
  });

  it('refuses a file of no bytes: jobs were in it, and a first start puts a whole one in place', async () => {
    await using scratch = await scratchFolder();
    const file = path.join(scratch.path, 'harness.db');
    await writeFile(file, '');
    expect(await rejection(JobStore.open(file))).toMatchObject({
      code: 'HARNESS_STORE_FAILED',
      message: expect.stringContaining('it is empty, as a backup that was cut off: restore it, or move it away to start without jobs'),
    });
  });
});
