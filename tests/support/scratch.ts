import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let folder: string | undefined;

/** A folder for this process's test files, removed when it ends. */
export function scratchFolder(): string {
  folder ??= makeFolder();
  return folder;
}

function makeFolder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tlsify-test-'));
  // `bun test` calls no exit handler; but however a process ends, its end of a pipe is closed.
  const remover = spawn('sh', ['-c', 'cat; rm -rf -- "$0"', made], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  remover.unref();
  return made;
}

let count = 0;

/** A path inside {@link scratchFolder} that nothing else uses. */
export function scratchPath(name: string): string {
  count += 1;
  return join(scratchFolder(), `${count}-${name}`);
}
