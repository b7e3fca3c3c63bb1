import type { Bytes } from '../core/bytes.ts';
import { TlsError } from '../core/failures.ts';
import {
  type CryptoProvider,
  InvalidKeyShare,
  type KeyAgreement,
  type KeyShare,
  type Later,
  type NamedGroup,
} from '../crypto/provider.ts';
import type { Answer, CertificateQuestion, EchOpening, Effect } from './connection.ts';

/**
 * Judges a chain: `certificate-accepted` or `refused`. Made of `x509/` by who knows the time, the anchors and the name.
 * @param publicName the only name that counts, if there is one; see the effect
 */
export type CertificateVerifier = (
  chain: readonly Bytes[],
  ocspResponse: Bytes | undefined,
  publicName: string | null,
) => Later<Answer>;

/** Who has our certificates, their keys, the keys of tickets and of ECHConfigs: another process, or a test. */
export interface KeyHolder {
  choose(question: CertificateQuestion): Later<Answer>;
  sign(effect: Extract<Effect, { effect: 'sign' }>): Later<Answer>;
  sealTicket(effect: Extract<Effect, { effect: 'seal-ticket' }>): Later<Answer>;
  openTicket(effect: Extract<Effect, { effect: 'open-ticket' }>): Later<Answer>;
  openEch(effect: EchOpening): Later<Answer>;
}

/** A client without a certificate: it shows none, and nothing else is ever asked of it. */
export const NO_KEYS: KeyHolder = {
  choose: () => ({ answer: 'certificate-chosen', choice: null }),
  sign: () => refused(new TlsError('internal-error', 'no key to sign with')),
  sealTicket: () => refused(new TlsError('internal-error', 'no key to seal tickets with')),
  openTicket: () => ({ answer: 'ticket-opened', plaintext: null }),
  openEch: () => ({ answer: 'ech-opened', encodedInner: null }),
};

/** Does what `effect` asks for. The answer is there at once, or as soon as a promise of the provider or the holder is settled. */
export function performEffect(
  effect: Effect,
  crypto: Pick<CryptoProvider, 'verify' | 'respondToKeyShare'>,
  verifyCertificate: CertificateVerifier,
  keys: KeyHolder = NO_KEYS,
): Later<Answer> {
  switch (effect.effect) {
    case 'agree':
      return agree(effect.keyShare, effect.peerShare);
    case 'respond':
      return respond(crypto, effect.group, effect.peerShare);
    case 'verify-certificate':
      return verifyCertificate(effect.chain, effect.ocspResponse, effect.publicName);
    case 'verify-signature':
      return crypto.verify(effect.scheme, effect.spki, effect.message, effect.signature)
        ? { answer: 'signature-valid' }
        : refused(new TlsError('bad-signature', effect.scheme));
    case 'choose-certificate':
      return keys.choose(effect);
    case 'sign':
      return keys.sign(effect);
    case 'seal-ticket':
      return keys.sealTicket(effect);
    case 'open-ticket':
      return keys.openTicket(effect);
    case 'open-ech':
      return keys.openEch(effect);
  }
}

function agree(keyShare: KeyShare, peerShare: Bytes): Later<Answer> {
  try {
    const secret = keyShare.agree(peerShare);
    return secret instanceof Promise ? secret.then(agreed, notAgreed) : agreed(secret);
  } catch (error) {
    return notAgreed(error);
  }
}

function respond(
  crypto: Pick<CryptoProvider, 'respondToKeyShare'>,
  group: NamedGroup,
  peerShare: Bytes,
): Later<Answer> {
  try {
    const agreement = crypto.respondToKeyShare(group, peerShare);
    return agreement instanceof Promise ? agreement.then(responded, notAgreed) : responded(agreement);
  } catch (error) {
    return notAgreed(error);
  }
}

function responded({ publicShare, secret }: KeyAgreement): Answer {
  return { answer: 'responded', publicShare, secret };
}

function agreed(secret: Bytes): Answer {
  return { answer: 'agreed', secret };
}

function notAgreed(error: unknown): Answer {
  if (error instanceof InvalidKeyShare) return refused(new TlsError('bad-key-share', error.message));
  return refused(new TlsError('internal-error', 'key agreement'));
}

function refused({ failure }: TlsError): Answer {
  return { answer: 'refused', failure };
}
