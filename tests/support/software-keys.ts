import {
  constants,
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { type Bytes, concat } from '../../src/core/bytes.ts';
import { TlsError } from '../../src/core/failures.ts';
import type { SignatureScheme } from '../../src/crypto/provider.ts';
import { SIGNATURE_SCHEMES, type SignatureKey } from '../../src/crypto/signature-schemes.ts';
import { signedBytes } from '../../src/crypto/signed-content.ts';
import type { KeyHolder } from '../../src/engine/answer.ts';
import type { Credential } from '../../src/engine/connection.ts';
import { chooseCredential } from '../../src/engine/credentials.ts';
import { keyTypeOf } from '../../src/engine/peer-certificate.ts';
import { Certificate } from '../../src/x509/certificate.ts';
import { DerReader, TAG } from '../../src/x509/der.ts';
import { type HeldEchKey, openEch } from './ech-keys.ts';

export interface HeldCredential extends Omit<Credential, 'key'> {
  /** PKCS#8. */
  readonly privatePem: string;
  /** What it signs with, best first. Default: all that fits the key. */
  readonly schemes?: readonly SignatureScheme[];
  readonly names?: readonly string[];
  readonly issuers?: readonly Bytes[];
  readonly mustMatchIssuer?: boolean;
}

/**
 * A key holder in this very process, for tests: shows the first of its credentials that can sign as the peer wants, and will not
 * do without; seals tickets with a key of its own.
 */
export function softwareKeys(
  credentials: readonly HeldCredential[],
  ticketKey: Bytes = new Uint8Array(randomBytes(32)),
  echKeys: readonly HeldEchKey[] = [],
): KeyHolder {
  const held = credentials.map(({ privatePem, schemes, names, issuers, mustMatchIssuer, ...credential }, index) => {
    const { privateKey, spki } = loadKey(privatePem, credential.chain);
    const keyType = keyTypeOf(spki);
    return {
      credential: { ...credential, key: `${index}` },
      privateKey,
      keyType: keyType ?? 'rsa',
      schemes: schemes ?? schemesOf(keyType),
      ...(names === undefined ? {} : { names }),
      ...(issuers === undefined ? {} : { issuers }),
      ...(mustMatchIssuer === undefined ? {} : { mustMatchIssuer }),
    };
  });
  return {
    choose(question) {
      if (held.length === 0) return { answer: 'certificate-chosen', choice: null };
      const answer = chooseCredential(held, question, 'refuse');
      const none = answer.answer === 'certificate-chosen' && answer.choice === null;
      return none ? { answer: 'refused', failure: new TlsError('no-common-signature-scheme').failure } : answer;
    },
    sign({ key, scheme, content }) {
      const { privateKey } = held[Number(key)] as (typeof held)[number];
      const { hash, key: type } = SIGNATURE_SCHEMES[scheme];
      const padding = type.startsWith('rsa')
        ? scheme.startsWith('rsa_pkcs1')
          ? { padding: constants.RSA_PKCS1_PADDING }
          : { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
        : {};
      const signature = new Uint8Array(sign(hash, signedBytes(content), { key: privateKey, ...padding }));
      return { answer: 'signed', signature };
    },
    sealTicket({ purpose, plaintext }) {
      const nonce = new Uint8Array(randomBytes(12));
      const cipher = createCipheriv('aes-256-gcm', ticketKey, nonce).setAAD(Buffer.from(purpose));
      const sealed = concat(nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
      return { answer: 'ticket-sealed', ticket: sealed };
    },
    openEch: (effect) => openEch(echKeys, effect),
    openTicket({ purpose, ticket }) {
      try {
        const decipher = createDecipheriv('aes-256-gcm', ticketKey, ticket.subarray(0, 12)).setAAD(
          Buffer.from(purpose),
        );
        decipher.setAuthTag(ticket.subarray(-16));
        const plaintext = concat(decipher.update(ticket.subarray(12, -16)), decipher.final());
        return { answer: 'ticket-opened', plaintext };
      } catch {
        return { answer: 'ticket-opened', plaintext: null };
      }
    },
  };
}

/** BoringSSL loads no keys of type id-RSASSA-PSS: the RSA key within, whose type only the certificate tells. */
function loadKey(
  privatePem: string,
  [leaf]: readonly Bytes[],
): { readonly privateKey: KeyObject; readonly spki: Bytes } {
  try {
    const privateKey = createPrivateKey(privatePem);
    return { privateKey, spki: new Uint8Array(createPublicKey(privateKey).export({ type: 'spki', format: 'der' })) };
  } catch (error) {
    if (leaf === undefined) throw error;
    const base64 = privatePem.replace(/-----[A-Z ]+-----|\s/g, '');
    const pkcs8 = DerReader.whole(Uint8Array.fromBase64(base64), TAG.sequence, 'PrivateKeyInfo');
    pkcs8.element(TAG.integer, 'version');
    pkcs8.element(TAG.sequence, 'privateKeyAlgorithm');
    const key = Buffer.from(pkcs8.contents(TAG.octetString, 'privateKey'));
    return { privateKey: createPrivateKey({ key, format: 'der', type: 'pkcs1' }), spki: new Certificate(leaf).spki };
  }
}

/** None for RSA that is too weak, whose type is null. */
function schemesOf(keyType: SignatureKey | null): SignatureScheme[] {
  return (Object.keys(SIGNATURE_SCHEMES) as SignatureScheme[]).filter(
    (scheme) => SIGNATURE_SCHEMES[scheme].key === keyType,
  );
}
