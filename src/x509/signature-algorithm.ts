import type { Bytes } from '../core/bytes.ts';
import { TlsError } from '../core/failures.ts';
import type { CertificateOnlyScheme, HashAlgorithm, SignatureScheme } from '../crypto/provider.ts';
import type { SignatureKey } from '../crypto/signature-schemes.ts';
import { DerReader, dottedOid, TAG } from './der.ts';

/** The algorithm of a signature on a certificate, before it is known which key is to verify it. */
export type SignatureAlgorithm =
  | { readonly family: 'ecdsa' | 'rsa-pkcs1' | 'rsa-pss'; readonly hash: HashAlgorithm }
  | { readonly family: 'pure'; readonly key: SignatureKey };

/**
 * Details of failures go on from the name of the certificate.
 * @throws TlsError `certificate-weak-signature` for MD2, MD5 and SHA-1, `certificate-unsupported-signature` for what we do not know
 * @throws DerError
 */
export function readSignatureAlgorithm(algorithmIdentifier: Bytes): SignatureAlgorithm {
  const fields = DerReader.whole(algorithmIdentifier, TAG.sequence, 'signatureAlgorithm');
  const id = fields.oid('algorithm');
  if (id === RSA_PSS) return readPss(fields);
  const known = ALGORITHMS[id];
  if (known === undefined) {
    const weak = WEAK[id];
    if (weak !== undefined) throw new TlsError('certificate-weak-signature', `is signed with ${weak}`);
    throw new TlsError('certificate-unsupported-signature', `is signed with algorithm ${dottedOid(id)}`);
  }
  // RFC 4055 section 5: NULL, and absent is to be accepted.
  if (known.family === 'rsa-pkcs1' && !fields.empty) fields.null('parameters');
  fields.finish();
  return known;
}

/** The scheme by which a key of type `key` verifies such a signature; undefined if it cannot have made it. */
export function schemeFor(
  algorithm: SignatureAlgorithm,
  key: SignatureKey,
): SignatureScheme | CertificateOnlyScheme | undefined {
  switch (algorithm.family) {
    case 'ecdsa': {
      const curve = CURVE_NAMES[key];
      return curve === undefined ? undefined : `ecdsa_${curve}_${algorithm.hash}`;
    }
    case 'rsa-pkcs1':
      return key === 'rsa' ? `rsa_pkcs1_${algorithm.hash}` : undefined;
    case 'rsa-pss':
      if (key === 'rsa') return `rsa_pss_rsae_${algorithm.hash}`;
      return key === 'rsa-pss' ? `rsa_pss_pss_${algorithm.hash}` : undefined;
    case 'pure':
      return key === algorithm.key ? PURE_SCHEMES[key] : undefined;
  }
}

const RSA_PSS = '2a864886f70d01010a';
const MGF1 = '2a864886f70d010108';

/** RFC 5758, RFC 4055, RFC 8410, RFC 9881. */
const ALGORITHMS: Readonly<Record<string, SignatureAlgorithm>> = {
  '2a8648ce3d040302': { family: 'ecdsa', hash: 'sha256' },
  '2a8648ce3d040303': { family: 'ecdsa', hash: 'sha384' },
  '2a8648ce3d040304': { family: 'ecdsa', hash: 'sha512' },
  '2a864886f70d01010b': { family: 'rsa-pkcs1', hash: 'sha256' },
  '2a864886f70d01010c': { family: 'rsa-pkcs1', hash: 'sha384' },
  '2a864886f70d01010d': { family: 'rsa-pkcs1', hash: 'sha512' },
  '2b6570': { family: 'pure', key: 'ed25519' },
  '2b6571': { family: 'pure', key: 'ed448' },
  '608648016503040311': { family: 'pure', key: 'ml-dsa-44' },
  '608648016503040312': { family: 'pure', key: 'ml-dsa-65' },
  '608648016503040313': { family: 'pure', key: 'ml-dsa-87' },
};

/** RFC 9155; Baseline Requirements 7.1.3.2. */
const WEAK: Readonly<Record<string, string>> = {
  '2a864886f70d010102': 'MD2 and RSA',
  '2a864886f70d010104': 'MD5 and RSA',
  '2a864886f70d010105': 'SHA-1 and RSA',
  '2b0e03021d': 'SHA-1 and RSA',
  '2a8648ce3d0401': 'SHA-1 and ECDSA',
  '2a8648ce380403': 'SHA-1 and DSA',
};

const HASHES: Readonly<Record<string, { readonly hash: HashAlgorithm; readonly bytes: number }>> = {
  '608648016503040201': { hash: 'sha256', bytes: 32 },
  '608648016503040202': { hash: 'sha384', bytes: 48 },
  '608648016503040203': { hash: 'sha512', bytes: 64 },
};

const CURVE_NAMES: Readonly<Partial<Record<SignatureKey, 'secp256r1' | 'secp384r1' | 'secp521r1'>>> = {
  p256: 'secp256r1',
  p384: 'secp384r1',
  p521: 'secp521r1',
};

const PURE_SCHEMES: Readonly<Partial<Record<SignatureKey, SignatureScheme>>> = {
  'ed25519': 'ed25519',
  'ed448': 'ed448',
  'ml-dsa-44': 'mldsa44',
  'ml-dsa-65': 'mldsa65',
  'ml-dsa-87': 'mldsa87',
};

/** RFC 4055 section 3.1; Baseline Requirements 7.1.3.2.1: one hash for the message and MGF1, a salt of its length, trailerField 1. */
function readPss(fields: DerReader): SignatureAlgorithm {
  const parameters = fields.enter(TAG.sequence, 'parameters');
  fields.finish();
  const tagged = (number: number, name: string): DerReader | undefined =>
    parameters.peekTag() === (0xa0 | number) ? parameters.enter(0xa0 | number, name) : undefined;

  const hash = readHash(tagged(0, 'hashAlgorithm'));
  const generator = tagged(1, 'maskGenAlgorithm')?.enter(TAG.sequence, 'maskGenAlgorithm');
  const isMgf1 = generator?.oid('algorithm') === MGF1;
  const mgfHash = readHash(generator);
  const saltBytes = tagged(2, 'saltLength')?.smallInteger('saltLength', 1024) ?? 20;
  parameters.finish();
  // What is absent stands for SHA-1.
  if (hash === undefined) throw new TlsError('certificate-weak-signature', 'is signed with SHA-1 and RSA-PSS');
  if (!isMgf1 || mgfHash !== hash || saltBytes !== hash.bytes)
    throw new TlsError('certificate-unsupported-signature', 'is signed with RSA-PSS and unusual parameters');
  return { family: 'rsa-pss', hash: hash.hash };
}

function readHash(parent: DerReader | undefined): (typeof HASHES)[string] | undefined {
  if (parent === undefined) return undefined;
  const fields = parent.enter(TAG.sequence, 'hash');
  const id = fields.oid('algorithm');
  if (!fields.empty) fields.null('parameters');
  fields.finish();
  parent.finish();
  return HASHES[id];
}
