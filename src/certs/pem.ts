import type { Bytes } from '../core/bytes.ts';

/** Where the base64 of one certificate stands in a PEM file: behind the newline of its BEGIN line, up to its END line. */
export interface PemBlock {
  readonly from: number;
  readonly to: number;
}

/** What is wrong with a PEM file, and in which line. */
export class PemError extends Error {
  override readonly name = 'PemError';
  readonly line: number;

  constructor(problem: string, line: number) {
    super(`line ${line}: ${problem}`);
    this.line = line;
  }
}

const BEGIN = '-----BEGIN CERTIFICATE-----';
const END = '-----END CERTIFICATE-----';
/** Base64 of the largest certificate that we read, with its newlines; also the longest search for an END line. */
const BLOCK_BYTES = 100 * 1024;

/**
 * The CERTIFICATE blocks of a file (RFC 7468). Text between blocks, and blocks with other labels, are passed over, as stores
 * have comments and key files have both; what begins must end, with nothing but base64 between.
 * @throws PemError
 */
export function findCertificates(file: Buffer): PemBlock[] {
  const blocks: PemBlock[] = [];
  for (let at = file.indexOf(BEGIN); at !== -1; at = file.indexOf(BEGIN, at)) {
    const block = blockAt(file, afterLine(file, at + BEGIN.length));
    if (block === undefined || !startsLine(file, at))
      throw new PemError('a certificate that does not end, or not in its own lines', lineOf(file, at));
    blocks.push(block);
    at = block.to + END.length;
  }
  return blocks;
}

/**
 * Overwrites with spaces, in place, all that is not a certificate: files of certificates can have private keys in them, too, and
 * a process that parses what the network sends is not to have those in its memory. Positions and lines stay as they are, and
 * {@link findCertificates} finds the same, or complains of the same.
 */
export function blankAllButCertificates(file: Buffer): void {
  let kept = 0;
  for (let at = file.indexOf(BEGIN); at !== -1; at = file.indexOf(BEGIN, kept)) {
    blank(file, kept, at);
    const block = startsLine(file, at) ? blockAt(file, afterLine(file, at + BEGIN.length)) : undefined;
    kept = block === undefined ? at + BEGIN.length : block.to + END.length;
  }
  blank(file, kept, file.length);
}

/**
 * Decodes the block between `from` and `to`, after making sure that it is exactly one: for positions that come from elsewhere.
 * Undefined if {@link findCertificates} would not have found it there, or if it is not base64.
 */
export function decodeBlock(file: Buffer, { from, to }: PemBlock): Bytes | undefined {
  if (!(from > BEGIN.length && from < to && to <= file.length && to - from <= BLOCK_BYTES)) return undefined;
  const lineEnd = file[from - 2] === CARRIAGE_RETURN ? from - 2 : from - 1;
  const at = lineEnd - BEGIN.length;
  if (file[from - 1] !== NEWLINE || at < 0 || file.toString('latin1', at, lineEnd) !== BEGIN || !startsLine(file, at))
    return undefined;
  if (blockAt(file, from)?.to !== to) return undefined;
  try {
    return Uint8Array.fromBase64(file.toString('latin1', from, to), { lastChunkHandling: 'strict' });
  } catch {
    return undefined;
  }
}

/** The number of the line, counted from 1, in which the byte stands. */
export function lineOf(file: Buffer, offset: number): number {
  let line = 1;
  for (let at = file.indexOf(NEWLINE); at !== -1 && at < offset; at = file.indexOf(NEWLINE, at + 1)) line++;
  return line;
}

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/** The block whose base64 begins at `from`: up to the first five hyphens, which must be those of its END line. */
function blockAt(file: Buffer, from: number | undefined): PemBlock | undefined {
  if (from === undefined) return undefined;
  const to = file.indexOf('-----', from);
  if (to <= from || to - from > BLOCK_BYTES || file[to - 1] !== NEWLINE) return undefined;
  if (file.toString('latin1', to, to + END.length) !== END) return undefined;
  const after = to + END.length;
  return after === file.length || afterLine(file, after) !== undefined ? { from, to } : undefined;
}

function blank(file: Buffer, from: number, to: number): void {
  for (let at = from; at < to; at++) if (file[at] !== NEWLINE && file[at] !== CARRIAGE_RETURN) file[at] = SPACE;
}

function startsLine(file: Buffer, at: number): boolean {
  return at === 0 || file[at - 1] === NEWLINE;
}

/** Behind the newline that must stand at `at`. */
function afterLine(file: Buffer, at: number): number | undefined {
  if (file[at] === NEWLINE) return at + 1;
  return file[at] === CARRIAGE_RETURN && file[at + 1] === NEWLINE ? at + 2 : undefined;
}
