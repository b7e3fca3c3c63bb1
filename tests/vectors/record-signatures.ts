/**
 * Writes signatures.json: `node tests/vectors/record-signatures.ts`. Under Node, whose OpenSSL has every key type: what it signs, the
 * other runtime's library has to accept too. The keys are fresh, and forgotten.
 */
import { constants, generateKeyPairSync, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { SignatureScheme } from '../../src/crypto/provider.ts';
import { SIGNATURE_SCHEMES } from '../../src/crypto/signature-schemes.ts';

/** One signature, all fields but the first two in hexadecimal. */
export interface SignatureVector {
  readonly scheme: SignatureScheme;
  readonly key: string;
  readonly spki: string;
  readonly message: string;
  readonly signature: string;
}

const PSS_PARAMETERS = { hashAlgorithm: 'sha256', mgf1HashAlgorithm: 'sha256' };

const KEYS = {
  'rsa-2048': generateKeyPairSync('rsa', { modulusLength: 2048 }),
  'rsa-pss-2048': generateKeyPairSync('rsa-pss', { modulusLength: 2048 }),
  'rsa-pss-2048 for sha256': generateKeyPairSync('rsa-pss', { modulusLength: 2048, ...PSS_PARAMETERS }),
  'p256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'p384': generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  'p521': generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  'ed25519': generateKeyPairSync('ed25519'),
  'ed448': generateKeyPairSync('ed448'),
  'ml-dsa-44': generateKeyPairSync('ml-dsa-44'),
  'ml-dsa-65': generateKeyPairSync('ml-dsa-65'),
  'ml-dsa-87': generateKeyPairSync('ml-dsa-87'),
};

const vectors = (Object.keys(SIGNATURE_SCHEMES) as SignatureScheme[]).flatMap((scheme) =>
  keysOf(scheme).map((key) => record(scheme, key)),
);
writeFileSync(new URL('signatures.json', import.meta.url), `${JSON.stringify(vectors, null, 2)}\n`);

function keysOf(scheme: SignatureScheme): (keyof typeof KEYS)[] {
  const { key, hash } = SIGNATURE_SCHEMES[scheme];
  if (key === 'rsa') return ['rsa-2048'];
  if (key !== 'rsa-pss') return [key];
  return hash === 'sha256' ? ['rsa-pss-2048', 'rsa-pss-2048 for sha256'] : ['rsa-pss-2048'];
}

function record(scheme: SignatureScheme, key: keyof typeof KEYS): SignatureVector {
  const { publicKey, privateKey } = KEYS[key];
  const message = Buffer.from(`signed with ${scheme}`);
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  const signature = sign(SIGNATURE_SCHEMES[scheme].hash, message, {
    key: privateKey,
    ...(scheme.startsWith('rsa_pss_') ? pss : {}),
  });
  return {
    scheme,
    key,
    spki: publicKey.export({ format: 'der', type: 'spki' }).toString('hex'),
    message: message.toString('hex'),
    signature: signature.toString('hex'),
  };
}
