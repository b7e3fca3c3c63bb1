import { main, OutputFailed } from '../commands/main.ts';
import { loadNative } from '../os/load.ts';

main({
  name: process.argv0.slice(process.argv0.lastIndexOf('/') + 1),
  argv: process.argv.slice(2),
  environment: process.env,
  print,
  complain: (text) => write(2, text),
}).then(exit);

function print(text: string): void {
  try {
    write(1, text);
  } catch (error) {
    throw new OutputFailed(error);
  }
}

/** Not by way of the native module, which may be what is missing. Most runs print nothing this way, and load nothing for it. */
function write(fd: number, text: string): void {
  const { writeSync }: typeof import('node:fs') = require('node:fs');
  writeSync(fd, text);
}

/** At once: what would otherwise run at the end may not in a sandbox. */
function exit(status: number): never {
  try {
    return loadNative().exit(status);
  } catch {
    return process.exit(status);
  }
}
