import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let folder: string | undefined;

/** A folder for this process's test files, removed when it exits. */
export function scratchFolder(): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'tlsify-test-'));
    process.on('exit', () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return folder;
}

let count = 0;

/** A path inside {@link scratchFolder} that nothing else uses. */
export function scratchPath(name: string): string {
  count += 1;
  return join(scratchFolder(), `${count}-${name}`);
}
