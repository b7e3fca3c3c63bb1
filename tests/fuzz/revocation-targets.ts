import { type Bytes, equal } from '../../src/core/bytes.ts';
import { DerError } from '../../src/x509/der.ts';
import { RevocationList } from '../../src/x509/revocation/crl.ts';
import type { VerificationRequest } from '../../src/x509/verify.ts';
import { extendedKeyUsage, extension, keyUsage } from '../support/certificate-extensions.ts';
import { authority, certificate, serverCertificate } from '../support/certificates.ts';
import { nullValue } from '../support/der-writer.ts';
import {
  crlEntry,
  issuingDistributionPoint,
  ocspError,
  ocspResponse,
  reasonCode,
  revocationList,
  revoked,
} from '../support/revocation.ts';
import { NAMES, verify } from '../support/verification.ts';
import type { Target } from './target.ts';

const ROOT = authority('tlsify fuzz root', {
  extensions: { keyUsage: keyUsage(['digitalSignature', 'keyCertSign', 'cRLSign']) },
});
const LEAF = serverCertificate(ROOT, NAMES);
const RESPONDER = certificate({
  subject: 'tlsify fuzz responder',
  issuer: ROOT,
  extensions: {
    purpose: extendedKeyUsage(['ocspSigning']),
    noCheck: extension('1.3.6.1.5.5.7.48.1.5', nullValue()),
  },
});

const GOOD = [ocspResponse(LEAF), ocspResponse(LEAF, { signer: RESPONDER, hash: 'sha256' })];
const CLEAN = [
  revocationList(ROOT, []),
  revocationList(ROOT, [], { extensions: { idp: issuingDistributionPoint([Uint8Array.of(0x81, 1, 0xff)]) } }),
  revocationList(ROOT, [], {
    entries: Array.from({ length: 40 }, (_, index) =>
      crlEntry(serverCertificate(ROOT, NAMES).serial, index % 3 === 0 ? [] : [reasonCode(1 + (index % 3))]),
    ),
  }),
];

export const REVOCATION_TARGETS: Readonly<Record<string, Target>> = {
  'OCSP responses: nothing but the real ones shows that a certificate is good': {
    seeds: [...GOOD, ocspResponse(LEAF, { status: revoked(new Date(), 1) }), ocspError(3)],
    runs: 5_000,
    run: (input) => isAcceptedOnlyIf(isOneOf(GOOD, input), { ocspResponse: input }),
  },
  'revocation lists: read or refused, and believed only if they are the real ones': {
    seeds: CLEAN,
    runs: 10_000,
    run: (input) => {
      const list = read(input);
      if (list === undefined) return;
      if (list.size > input.length / 20) throw new Error('more entries than there is room for');
      isAcceptedOnlyIf(isOneOf(CLEAN, input), { revocation: { policy: 'hard', lists: [list] } });
    },
  },
};

function isAcceptedOnlyIf(expected: boolean, request: Partial<VerificationRequest>): void {
  const { ok } = verify([LEAF], { revocation: { policy: 'hard', lists: [] }, ...request });
  if (ok !== expected) throw new Error(ok ? 'accepted' : 'rejected');
}

function read(input: Bytes): RevocationList | undefined {
  try {
    return new RevocationList(input);
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

function isOneOf(real: readonly Bytes[], input: Bytes): boolean {
  return real.some((bytes) => equal(bytes, input));
}
