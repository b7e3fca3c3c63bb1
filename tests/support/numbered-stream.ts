import { createHash } from 'node:crypto';

/**
 * The numbered stream of `tests/interop/peers/README.md`: 4 KiB blocks of 256 lines of 15 digits and LF, the block's number in
 * the first. A lost, repeated or moved byte changes its hash.
 */
export function* numberedStream(totalBytes: number): Generator<Buffer> {
  let number = 0;
  for (let sent = 0; sent < totalBytes; ) {
    // A buffer of its own each time: the last one may still wait in a stream.
    const chunk = Buffer.from(TEMPLATE);
    for (let offset = 0; offset < chunk.length; offset += BLOCK_BYTES) chunk.write(line(number++), offset, 'latin1');
    yield chunk.subarray(0, totalBytes - sent);
    sent += chunk.length;
  }
}

/** Length and SHA-256 of a stream, in the form in which the peers report what they received: `BYTES HEX`. */
export class Fingerprint {
  #bytes = 0;
  readonly #hash = createHash('sha256');

  add(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    this.#hash.update(chunk);
  }

  /** Called once, at the end. */
  toString(): string {
    return `${this.#bytes} ${this.#hash.digest('hex')}`;
  }
}

export function fingerprintOf(chunks: Iterable<Uint8Array>): string {
  const fingerprint = new Fingerprint();
  for (const chunk of chunks) fingerprint.add(chunk);
  return fingerprint.toString();
}

const BLOCK_BYTES = 4096;
const BLOCKS_PER_CHUNK = 16;

function line(number: number): string {
  return `${String(number).padStart(15, '0')}\n`;
}

const TEMPLATE = Buffer.from(
  Array.from({ length: BLOCK_BYTES / 16 }, (_, number) => line(number))
    .join('')
    .repeat(BLOCKS_PER_CHUNK),
  'latin1',
);
