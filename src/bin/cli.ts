import { writeSync } from 'node:fs';
import { basename } from 'node:path';
import { main } from '../commands/main.ts';
import { loadNative } from '../os/load.ts';

main({
  name: basename(process.argv0),
  argv: process.argv.slice(2),
  environment: process.env,
  print: (text) => writeSync(1, text),
  complain: (text) => writeSync(2, text),
}).then(exit);

/** At once: what would otherwise run at the end may not in a sandbox. */
function exit(status: number): never {
  try {
    return loadNative().exit(status);
  } catch {
    return process.exit(status);
  }
}
