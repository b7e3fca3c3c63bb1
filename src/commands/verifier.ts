import { type Bytes, hex } from '../core/bytes.ts';
import { type Failure, TlsError } from '../core/failures.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { CertificateVerifier } from '../engine/answer.ts';
import type { Answer, PeerIdentity } from '../engine/connection.ts';
import { Certificate } from '../x509/certificate.ts';
import { DerError } from '../x509/der.ts';
import { formatName } from '../x509/distinguished-name.ts';
import { formatReference } from '../x509/names.ts';
import type { TrustAnchors } from '../x509/path.ts';
import type { Revocation } from '../x509/revocation/revocation.ts';
import { type References, verifyCertificate } from '../x509/verify.ts';
import { PUBLIC_NAME_UNPROVEN } from './failures.ts';

type Crypto = Pick<CryptoProvider, 'verify' | 'hash' | 'sha1' | 'signatureSchemes'>;

/** Who a server must be, and by which CAs, lists and rules that is decided. */
export interface ServerPolicy {
  readonly references: References;
  readonly anchors: TrustAnchors;
  readonly revocation: Revocation;
}

/** Accepts a server that proves to be one of `references`, or the public name if there is one, by a chain to one of `anchors`, and no other. */
export function serverVerifier({ references, ...policy }: ServerPolicy, crypto: Crypto): CertificateVerifier {
  return (chain, ocspResponse, publicName) => {
    const verification = verifyCertificate({
      ...policy,
      chain,
      ocspResponse,
      now: Math.floor(Date.now() / 1000),
      purpose: 'server',
      references: publicName === null ? references : forPublicName(publicName),
      crypto,
    });
    if (!verification.ok) return { answer: 'refused', failure: refusal(verification.failure, publicName) };
    const { leaf, matched } = verification.path;
    return accepted(leaf, { verified: true, matched: matched.map(formatReference) }, crypto);
  };
}

/** RFC 9849 section 6.1.7. What is pinned are the keys of the names that are asked for, not of this one. */
function forPublicName(name: string): References {
  return { identifiers: [{ type: 'dns', name }] };
}

/** Names and advice that are right for {@link References} are not for the public name. */
function refusal(failure: Failure, publicName: string | null): Failure {
  if (publicName === null) return failure;
  return { ...failure, detail: `${PUBLIC_NAME_UNPROVEN}${failure.detail ?? publicName}` };
}

/** For `--insecure-no-verify`: takes any certificate whose key can be read, and says of it that it is not verified. */
export function insecureVerifier(crypto: Crypto): CertificateVerifier {
  return ([leaf]) => {
    try {
      if (leaf === undefined) throw new TlsError('no-certificate');
      return accepted(new Certificate(leaf), { verified: false, matched: [] }, crypto);
    } catch (error) {
      if (error instanceof TlsError) return { answer: 'refused', failure: error.failure };
      if (!(error instanceof DerError)) throw error;
      return { answer: 'refused', failure: new TlsError('certificate-malformed', error.message).failure };
    }
  };
}

function accepted(leaf: Certificate, proof: Pick<PeerIdentity, 'verified' | 'matched'>, crypto: Crypto): Answer {
  const fingerprint = (bytes: Bytes) => hex(crypto.hash('sha256', bytes));
  const identity: PeerIdentity = {
    ...proof,
    subject: formatName(leaf.subject),
    spkiSha256: fingerprint(leaf.spki),
    certificateSha256: fingerprint(leaf.der),
    notAfterSeconds: leaf.notAfter,
  };
  return { answer: 'certificate-accepted', spki: leaf.spki, identity };
}
