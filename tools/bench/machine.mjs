import { execFileSync } from 'node:child_process';
import os from 'node:os';

/** What a figure cannot be read without. */
export function machine() {
  const [cpu] = os.cpus();
  const memory = `${(os.totalmem() / 2 ** 30).toFixed(0)} GiB`;
  return {
    machine: `${os.cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${memory}, ${os.platform()} ${os.release()} ${os.arch()}`,
    versions: `Node.js ${process.versions.node}, V8 ${process.versions.v8}, commit ${commit()}`,
    at: new Date().toISOString().slice(0, 10),
  };
}

function commit() {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: import.meta.dirname, encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}
