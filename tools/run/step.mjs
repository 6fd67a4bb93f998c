// The processes of a run: steps that come to an end, and the last one, which this process stands for. Built-ins of Node 18 only.
import { spawn } from 'node:child_process';
import { endBy, fail, onSignals } from './ending.mjs';

const WINDOWS = process.platform === 'win32';
/** So long may a step that is told to end take for it: a half-made install is begun anew, whatever npm tidies up. */
const END_WITHIN_MS = 2_000;

/**
 * Runs a step to its end and resolves with its status and, where it was to be `captured`, with what it wrote. It is in a process group of
 * its own, where the Ctrl-C of a terminal does not come: a signal to this process ends that whole group first and then this process,
 * so that nothing of a step goes on beside what comes next. `onStart` is told its process number, which is that of its group.
 */
export function runStep(node, args, { captured = false, quietStdout = false, onStart = () => {}, ...options }) {
  const stdio = captured ? ['ignore', 'pipe', 'pipe'] : ['ignore', quietStdout ? 'ignore' : 'inherit', 'inherit'];
  return new Promise((resolve) => {
    let child;
    let endedBy;
    // Before there is a child: a signal that came between the two would end this process alone, and the step would go on.
    const stopListening = onSignals((signal) => {
      // once: npm passes on a signal that the terminal has sent here too
      if (endedBy) return;
      endedBy = signal;
      endGroup(child, 'SIGTERM');
      setTimeout(() => endGroup(child, 'SIGKILL'), END_WITHIN_MS);
    });
    child = spawn(node, args, { ...options, stdio, detached: !WINDOWS });
    child.on('error', (error) => fail(String(error)));
    if (child.pid !== undefined) onStart(child.pid);
    const written = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) child[name]?.setEncoding('utf8').on('data', (text) => (written[name] += text));
    child.on('exit', () => {
      if (!endedBy) return;
      endGroup(child, 'SIGKILL'); // what it started and did not end
      endBy(endedBy);
    });
    child.on('close', (status) => {
      stopListening();
      resolve({ status: status ?? 1, ...written });
    });
  });
}

/** Runs the last step: passes signals on, ends with its status, and never leaves it behind. */
export function hold(node, args, { onEnd = () => {}, ...options }) {
  let child;
  // A terminal sends SIGINT to the whole group, so the child has it already; the others reach only this process, and from the beginning.
  onSignals((signal) => signal !== 'SIGINT' && child.kill(signal));
  // A host reloads for it.
  if (!WINDOWS) process.on('SIGUSR2', () => child.kill('SIGUSR2'));
  child = spawn(node, args, { ...options, stdio: 'inherit' });
  child.on('error', (error) => fail(String(error)));
  child.on('exit', (code, signal) => {
    onEnd(code);
    if (signal) endBy(signal);
    process.exit(code ?? 1);
  });
}

function endGroup(child, signal) {
  if (WINDOWS) return child.kill(signal);
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
