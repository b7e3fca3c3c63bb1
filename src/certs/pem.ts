import type { Bytes } from '../core/bytes.ts';
import { LIMITS } from '../core/limits.ts';

/** Where the base64 of one block stands in a PEM file: behind the newline of its BEGIN line, up to its END line. */
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

/** What the lines around a block say, RFC 7468, and how much may stand between them. */
export interface PemLabel {
  readonly begin: string;
  readonly end: string;
  /** What it is that does not end, for messages. */
  readonly what: string;
  /** Base64 of the largest that we read, with its newlines; also the longest search for an END line. */
  readonly blockBytes: number;
}

/** Section 5. */
export const CERTIFICATE: PemLabel = {
  begin: '-----BEGIN CERTIFICATE-----',
  end: '-----END CERTIFICATE-----',
  what: 'a certificate',
  blockBytes: 100 * 1024,
};

/** Section 6. */
export const X509_CRL: PemLabel = {
  begin: '-----BEGIN X509 CRL-----',
  end: '-----END X509 CRL-----',
  what: 'a CRL',
  blockBytes: Math.ceil(LIMITS.revocationListBytes * 1.4),
};

/**
 * The blocks of a file with that label (RFC 7468). Text between blocks, and blocks with other labels, are passed over, as stores
 * have comments and key files have both; what begins must end, with nothing but base64 between.
 * @throws PemError
 */
export function findBlocks(file: Buffer, label: PemLabel): PemBlock[] {
  const { begin, end, what } = label;
  const blocks: PemBlock[] = [];
  for (let at = file.indexOf(begin); at !== -1; at = file.indexOf(begin, at)) {
    const block = blockAt(file, afterLine(file, at + begin.length), label);
    if (block === undefined || !startsLine(file, at))
      throw new PemError(`${what} that does not end, or not in its own lines`, lineOf(file, at));
    blocks.push(block);
    at = block.to + end.length;
  }
  return blocks;
}

/**
 * Overwrites with spaces, in place, all that is not a certificate: files of certificates can have private keys in them, too, and
 * a process that parses what the network sends is not to have those in its memory. Positions and lines stay as they are, and
 * {@link findBlocks} finds the same, or complains of the same.
 */
export function blankAllButCertificates(file: Buffer): void {
  const { begin, end } = CERTIFICATE;
  let kept = 0;
  for (let at = file.indexOf(begin); at !== -1; at = file.indexOf(begin, kept)) {
    blank(file, kept, at);
    const block = startsLine(file, at) ? blockAt(file, afterLine(file, at + begin.length), CERTIFICATE) : undefined;
    kept = block === undefined ? at + begin.length : block.to + end.length;
  }
  blank(file, kept, file.length);
}

/**
 * Decodes the block between `from` and `to`, after making sure that it is exactly one: for positions that come from elsewhere.
 * Undefined if {@link findBlocks} would not have found it there, or if it is not base64.
 */
export function decodeBlock(file: Buffer, { from, to }: PemBlock, label: PemLabel): Bytes | undefined {
  const { begin, blockBytes } = label;
  if (!(from > begin.length && from < to && to <= file.length && to - from <= blockBytes)) return undefined;
  const lineEnd = file[from - 2] === CARRIAGE_RETURN ? from - 2 : from - 1;
  const at = lineEnd - begin.length;
  if (file[from - 1] !== NEWLINE || at < 0 || file.toString('latin1', at, lineEnd) !== begin || !startsLine(file, at))
    return undefined;
  if (blockAt(file, from, label)?.to !== to) return undefined;
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
function blockAt(file: Buffer, from: number | undefined, { end, blockBytes }: PemLabel): PemBlock | undefined {
  if (from === undefined) return undefined;
  const to = file.indexOf('-----', from);
  if (to <= from || to - from > blockBytes || file[to - 1] !== NEWLINE) return undefined;
  if (file.toString('latin1', to, to + end.length) !== end) return undefined;
  const after = to + end.length;
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
