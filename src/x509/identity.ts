import { hex } from '../core/bytes.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { Certificate } from './certificate.ts';
import { formatName } from './distinguished-name.ts';
import type { UnixSeconds } from './time.ts';

/** What people and status lines are told about a certificate, verified or not. */
export interface CertificateSummary {
  /** RFC 4514, fit for a terminal. */
  readonly subject: string;
  /** Fingerprints in lower-case hexadecimal: of the SubjectPublicKeyInfo, as `spki-sha256:` has it, and of the whole. */
  readonly spkiSha256: string;
  readonly certificateSha256: string;
  readonly notAfterSeconds: UnixSeconds;
}

export function summarise(certificate: Certificate, crypto: Pick<CryptoProvider, 'hash'>): CertificateSummary {
  return {
    subject: formatName(certificate.subject),
    spkiSha256: hex(crypto.hash('sha256', certificate.spki)),
    certificateSha256: hex(crypto.hash('sha256', certificate.der)),
    notAfterSeconds: certificate.notAfter,
  };
}
