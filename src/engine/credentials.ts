import { type Bytes, equal } from '../core/bytes.ts';
import { TlsError } from '../core/failures.ts';
import type { SignatureScheme } from '../crypto/provider.ts';
import type { SignatureKey } from '../crypto/signature-schemes.ts';
import type { Answer, CertificateQuestion, Credential } from './connection.ts';
import { curveOf, signsAs } from './tls12/signatures12.ts';

/** A certificate of ours, with what decides where it fits. */
export interface CredentialOption {
  readonly credential: Credential;
  readonly keyType: SignatureKey;
  /** What its key signs with, best first; an ECDSA key in TLS 1.2 also with another curve's scheme, if the peer takes no other. */
  readonly schemes: readonly SignatureScheme[];
  /** DNS names that it is for: lower-case A-labels, `*.` for any one label. Absent: for whatever is asked for. */
  readonly names?: readonly string[];
  /** DER names of the issuers in its chain, for peers that say whom they trust. */
  readonly issuers?: readonly Bytes[];
  /** Not to be shown to a peer that does not name one of its issuers. */
  readonly mustMatchIssuer?: boolean;
}

/** What becomes of a client that asks a server for a name that none of the certificates has. */
export type UnknownName = 'refuse' | 'show-first';

/**
 * Chooses among certificates of different names and keys (RFC 8446 section 4.4.2.2): of those for the name, the first with a
 * scheme that the peer takes, if there is a choice one whose issuer the peer has named. The order is ours.
 */
export function chooseCredential(
  options: readonly CredentialOption[],
  question: CertificateQuestion,
  unknownName: UnknownName,
): Answer {
  const named = forName(options, question);
  if (named.length === 0 && options.length > 0 && unknownName === 'refuse' && question.serverName !== null)
    return refused('unrecognized-name', question.serverName);
  const fitting = (named.length > 0 ? named : options).flatMap((option) => {
    const scheme = schemeFor(option, question);
    const trusted = hasIssuer(option, question.authorities);
    return scheme === undefined || (option.mustMatchIssuer === true && !trusted) ? [] : [{ option, scheme, trusted }];
  });
  const best = fitting.find(({ trusted }) => trusted) ?? fitting[0];
  if (best !== undefined) {
    const { option, scheme } = best;
    return { answer: 'certificate-chosen', choice: { credential: option.credential, scheme } };
  }
  // A client may go on without; a server cannot.
  if (question.role === 'client') return { answer: 'certificate-chosen', choice: null };
  return refused('no-common-signature-scheme', `the client takes ${question.schemes.join(', ')}`);
}

function schemeFor({ keyType, schemes }: CredentialOption, question: CertificateQuestion): SignatureScheme | undefined {
  const curve = curveOf(keyType);
  if (curve !== null && question.curves !== null && !question.curves.includes(curve)) return undefined;
  const own = schemes.find((candidate) => question.schemes.includes(candidate));
  if (own !== undefined || curve === null || question.version !== 'TLSv1.2') return own;
  return question.schemes.find((candidate) => signsAs(keyType, candidate));
}

function forName(options: readonly CredentialOption[], { role, serverName }: CertificateQuestion): CredentialOption[] {
  return options.filter(
    ({ names }) =>
      role === 'client' ||
      names === undefined ||
      (serverName !== null && names.some((name) => matches(name, serverName))),
  );
}

/** RFC 9525 section 6.3: a wildcard is the whole left-most label. */
function matches(pattern: string, name: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === name;
  const dot = name.indexOf('.');
  return dot > 0 && name.slice(dot) === pattern.slice(1);
}

function hasIssuer({ issuers = [] }: CredentialOption, authorities: readonly Bytes[]): boolean {
  return issuers.some((issuer) => authorities.some((authority) => equal(issuer, authority)));
}

function refused(why: 'unrecognized-name' | 'no-common-signature-scheme', detail: string): Answer {
  return { answer: 'refused', failure: new TlsError(why, detail).failure };
}
