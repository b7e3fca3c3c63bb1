import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** A file that is none, or is too large; `message` says which. */
export class UnfitFile extends Error {
  override readonly name = 'UnfitFile';
}

/** A file, read to its end, and what it is, of the same descriptor. @throws UnfitFile, or what the system says */
export function readWhole(
  path: string,
  maximumBytes: number,
): { readonly bytes: Buffer; readonly status: BigIntStats } {
  // Or else a FIFO would wait for a writer, past every time limit and signal.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = fstatSync(fd, { bigint: true });
    if (!status.isFile()) throw new UnfitFile('it is not a file');
    if (status.size > maximumBytes) throw new UnfitFile(`it is larger than ${maximumBytes} bytes`);
    // In an ArrayBuffer from the start: the runtime would copy a small Buffer.alloc into one, and leave what it copied where it was.
    const bytes = Buffer.from(new ArrayBuffer(Number(status.size)));
    let length = 0;
    while (length < bytes.length) {
      const count = readSync(fd, bytes, length, bytes.length - length, null);
      if (count === 0) break;
      length += count;
    }
    return { bytes: bytes.subarray(0, length), status };
  } finally {
    closeSync(fd);
  }
}

/** Why a file could not be read, for people. */
export function reasonOf(error: unknown): string {
  if (error instanceof UnfitFile) return error.message;
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  return REASONS[code] ?? code;
}

/** No text begins with the tag of a SEQUENCE and a long length. */
export function isDer(bytes: Buffer): boolean {
  return bytes[0] === 0x30 && ((bytes[1] as number) & 0x80) !== 0;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EMFILE: 'too many open files (ulimit -n)',
  EACCES: 'permission denied',
  ENOTDIR: 'a part of the path is not a folder',
  ELOOP: 'too many symbolic links',
};
