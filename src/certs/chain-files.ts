import type { Bytes } from '../core/bytes.ts';
import { isDer, readWhole, reasonOf } from './files.ts';
import { blankAllButCertificates, CERTIFICATE, decodeBlock, findBlocks, lineOf, PemError } from './pem.ts';

/** A file that was named has no certificates that could be checked. `message` names the path and what is wrong. */
export class ChainFileError extends Error {
  override readonly name = 'ChainFileError';
}

/** A file as it is, read and not looked into. */
export interface ChainFile {
  readonly path: string;
  readonly bytes: Buffer;
}

/** More than any chain has, with keys and comments. */
const FILE_BYTES = 1024 * 1024;

/** Reads a file of certificates or of a key, whole: what it says is for a process that has given up its authority. @throws ChainFileError */
export function readChainFile(path: string): ChainFile {
  try {
    return { path, bytes: readWhole(path, FILE_BYTES).bytes };
  } catch (error) {
    throw new ChainFileError(`cannot read ${path}: ${reasonOf(error)}`);
  }
}

/** The certificates in a file, one in DER or any number in PEM, in their order. All else in it is overwritten. @throws ChainFileError */
export function certificatesIn({ path, bytes }: ChainFile): Bytes[] {
  if (isDer(bytes)) return [Uint8Array.from(bytes)];
  blankAllButCertificates(bytes);
  try {
    const blocks = findBlocks(bytes, CERTIFICATE);
    if (blocks.length === 0) throw new ChainFileError(`cannot use ${path}: no certificate in it (PEM, or one in DER)`);
    return blocks.map((block) => {
      const der = decodeBlock(bytes, block, CERTIFICATE);
      if (der === undefined)
        throw new ChainFileError(`cannot use ${path}: line ${lineOf(bytes, block.from)} is not base64`);
      return der;
    });
  } catch (error) {
    throw error instanceof PemError ? new ChainFileError(`cannot use ${path}: ${error.message}`) : error;
  }
}
