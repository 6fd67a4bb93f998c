import { MessageChannel } from 'node:worker_threads';

/**
 * Keeps the process from ending by itself until the answer is called; twice is fine. The clock's timers do not: without this a program
 * that only waits for a job would end, without a word, while an issue pauses before its next attempt.
 */
export function keepProcessAlive(): () => void {
  const { port1 } = new MessageChannel();
  port1.ref();
  return () => port1.close();
}
