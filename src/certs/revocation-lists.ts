import type { Bytes } from '../core/bytes.ts';
import { LIMITS } from '../core/limits.ts';
import { DerError } from '../x509/der.ts';
import { RevocationList } from '../x509/revocation/crl.ts';
import { isDer, readWhole, reasonOf } from './files.ts';
import { decodeBlock, findBlocks, lineOf, PemError, X509_CRL } from './pem.ts';

/** A list that was named cannot be used: a failure of configuration. `message` names the path and what is wrong. */
export class RevocationListError extends Error {
  override readonly name = 'RevocationListError';
}

/**
 * `--crl`: the lists in a file, one in DER or any number in PEM. They are read completely, before the network is: what is malformed, or
 * of a kind that could not be honoured, is an error and is never passed over.
 * @throws RevocationListError
 */
export function readRevocationLists(path: string): RevocationList[] {
  const file = readFile(path);
  try {
    if (isDer(file)) return [readList(path, 'the CRL', Uint8Array.from(file))];
    const blocks = findBlocks(file, X509_CRL);
    if (blocks.length === 0) throw unusable(path, 'no CRL in it (PEM, or one in DER)');
    return blocks.map((block) => {
      const where = `the CRL in line ${lineOf(file, block.from)}`;
      return readList(path, where, decodeBlock(file, block, X509_CRL));
    });
  } catch (error) {
    throw error instanceof PemError ? unusable(path, error.message) : error;
  } finally {
    // A file of lists can have private keys in it, too.
    file.fill(0);
  }
}

/** As much as the largest list in PEM, and a few words. */
const FILE_BYTES = X509_CRL.blockBytes + LIMITS.certificateBytes;

function readFile(path: string): Buffer {
  try {
    return readWhole(path, FILE_BYTES).bytes;
  } catch (error) {
    throw new RevocationListError(`cannot read the CRLs in ${path}: ${reasonOf(error)}`);
  }
}

function readList(path: string, where: string, der: Bytes | undefined): RevocationList {
  if (der === undefined) throw unusable(path, `${where} is not base64`);
  try {
    return new RevocationList(der);
  } catch (error) {
    throw error instanceof DerError ? unusable(path, `${where} cannot be used: ${error.message}`) : error;
  }
}

function unusable(path: string, problem: string): RevocationListError {
  return new RevocationListError(`cannot use ${path}: ${problem}`);
}
