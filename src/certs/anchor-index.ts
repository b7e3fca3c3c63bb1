import type { Bytes } from '../core/bytes.ts';
import { subjectOf } from '../x509/certificate.ts';
import { DerError } from '../x509/der.ts';
import { isDer } from './files.ts';
import { CERTIFICATE, decodeBlock, findBlocks, lineOf, PemError } from './pem.ts';
import { type Source, TrustStoreError } from './sources.ts';

/**
 * Where in the sources the certificates stand, by a hash of their subjects: four numbers each ({@link ENTRY}). It says where to look
 * and nothing else: what is found there is decoded and compared anew, so that an index, whoever wrote it, can hide an anchor
 * but never make one.
 */
export type AnchorIndex = Uint32Array;

/** The parts of an entry. */
export const ENTRY = { subjectHash: 0, source: 1, from: 2, to: 3, length: 4 } as const;

/**
 * Reads every certificate of every source, as far as its subject. What is malformed in a system's store is left out; in a file
 * that was named explicitly it is an error.
 * @throws TrustStoreError
 */
export function buildIndex(sources: readonly Source[]): AnchorIndex {
  const numbers: number[] = [];
  for (const [number, source] of sources.entries()) {
    const found = positions(source);
    if (found.length === 0 && source.origin === 'explicit')
      throw unusable(source, 'no certificate in it (PEM, or one in DER)');
    for (const { from, to } of found) {
      try {
        const certificate = readCertificate(source, from, to);
        if (certificate !== undefined) numbers.push(hashSubject(certificate.subject), number, from, to);
        else if (source.origin === 'explicit')
          throw unusable(source, `line ${lineOf(source.bytes, from)} is not base64`);
      } catch (error) {
        if (!(error instanceof DerError)) throw error;
        const where = `the certificate in line ${lineOf(source.bytes, from)} is malformed: ${error.message}`;
        if (source.origin === 'explicit') throw unusable(source, where);
      }
    }
  }
  return Uint32Array.from(numbers);
}

/** The certificate between two positions of a source, or undefined if none begins and ends there, or none that can be read. */
export function certificateAt(source: Source, from: number, to: number): CertificateWithSubject | undefined {
  try {
    return readCertificate(source, from, to);
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

/** Decoded from its source, and read as far as the subject. */
export interface CertificateWithSubject {
  readonly der: Bytes;
  readonly subject: Bytes;
}

/** FNV-1a, 32 bits. Spreads, and proves nothing. */
export function hashSubject(subject: Bytes): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < subject.length; index++) hash = Math.imul(hash ^ (subject[index] as number), 0x01000193);
  return hash >>> 0;
}

const MAGIC = Buffer.from('tlsify anchors 1');
const HEADER_BYTES = MAGIC.length + 8;

/** Magic, length of the identity, number of entries, entries (all numbers of 4 bytes, in the machine's order), identity. */
export function encodeIndex(index: AnchorIndex, sources: readonly Source[]): Buffer {
  const identity = identityOf(sources);
  const header = Uint32Array.of(identity.length, index.length / ENTRY.length);
  return Buffer.concat([MAGIC, bytesOf(header), bytesOf(index), identity]);
}

/** The index in `file` if it is whole and was made of sources that are still the same. */
export function decodeIndex(file: Buffer, sources: readonly Source[]): AnchorIndex | undefined {
  if (file.length < HEADER_BYTES || !file.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const [identityBytes, count] = numbersOf(file.subarray(MAGIC.length, HEADER_BYTES)) as unknown as [number, number];
  const entriesEnd = HEADER_BYTES + count * ENTRY.length * 4;
  if (file.length !== entriesEnd + identityBytes || !file.subarray(entriesEnd).equals(identityOf(sources)))
    return undefined;
  return numbersOf(file.subarray(HEADER_BYTES, entriesEnd));
}

function identityOf(sources: readonly Source[]): Buffer {
  return Buffer.from(sources.map(({ identity }) => `${identity}\n`).join(''));
}

function positions(source: Source): readonly { readonly from: number; readonly to: number }[] {
  if (isDer(source.bytes)) return [{ from: 0, to: source.bytes.length }];
  try {
    return findBlocks(source.bytes, CERTIFICATE);
  } catch (error) {
    throw error instanceof PemError ? unusable(source, error.message) : error;
  }
}

/** @throws DerError */
function readCertificate({ bytes }: Source, from: number, to: number): CertificateWithSubject | undefined {
  const whole = from === 0 && to === bytes.length ? Uint8Array.from(bytes) : undefined;
  const der = isDer(bytes) ? whole : decodeBlock(bytes, { from, to }, CERTIFICATE);
  return der === undefined ? undefined : { der, subject: subjectOf(der) };
}

function unusable({ path }: Source, problem: string): TrustStoreError {
  return new TrustStoreError(path, `cannot use ${path}: ${problem}`);
}

function bytesOf(numbers: Uint32Array): Buffer {
  return Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

/** In memory of its own: a view would have to be aligned. */
function numbersOf(bytes: Buffer): Uint32Array {
  const numbers = new Uint32Array(bytes.length / 4);
  bytesOf(numbers).set(bytes);
  return numbers;
}
