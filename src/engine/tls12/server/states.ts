import type { Bytes } from '../../../core/bytes.ts';
import type { Tls12SuiteName } from '../../../crypto/cipher-suites.ts';
import type { KeyShare, NamedGroup, SignatureScheme } from '../../../crypto/provider.ts';
import type { PeerIdentity } from '../../connection.ts';
import type { NoSecrets } from '../../machine.ts';
import type { Opener, Sealer } from '../../record/protection.ts';
import type { Randoms } from '../../schedule/schedule12.ts';
import type { Open12 } from '../open12.ts';
import type { Transcript12 } from '../transcript12.ts';
import type { ClientOffer } from './client-offer.ts';
import type { Session12 } from './session.ts';

/**
 * A server since it chose TLS 1.2 (RFC 5246 section 7.3), with our own work in between:
 *
 *     [await-ticket-opening] → await-certificate-choice → await-signature
 *       → [expect-certificate → await-certificate-verification]
 *       → expect-key-exchange → await-agreement
 *       → [expect-certificate-verify → await-signature-verification]
 *       → expect-change-cipher-spec → expect-finished → [await-ticket] → open
 *
 * and of a resumption:
 *
 *     await-ticket-opening → await-ticket → expect-change-cipher-spec → expect-finished → open
 */
export type ServerState12 =
  | AwaitTicketOpening12
  | AwaitCertificateChoice12
  | AwaitSignature12
  | ExpectCertificate12
  | AwaitCertificateVerification12
  | ExpectKeyExchange
  | AwaitAgreement12
  | ExpectCertificateVerify12
  | AwaitSignatureVerification12
  | ExpectChangeCipherSpec
  | ExpectFinished12
  | AwaitTicket12
  | Open12;

/** Since the ClientHello. */
interface Greeted {
  readonly offer: ClientOffer;
  /** ClientHello, until there is a transcript. */
  readonly clientHello: Bytes;
  readonly secrets: NoSecrets;
}

/** The client offers a ticket (RFC 5077): whoever holds the ticket keys owes what is in it, or that it is no good. */
export interface AwaitTicketOpening12 extends Greeted {
  readonly state: 'tls12-await-ticket-opening';
}

/** Our side owes the certificate for the name that the client asked for. */
export interface AwaitCertificateChoice12 extends Greeted {
  readonly state: 'tls12-await-certificate-choice';
  readonly group: NamedGroup;
  readonly schemes: readonly SignatureScheme[];
}

/** Since the ServerHello is decided on. */
export interface Negotiated12 {
  readonly offer: ClientOffer;
  readonly suite: Tls12SuiteName;
  readonly randoms: Randoms;
  readonly transcript: Transcript12;
}

/** Of a full handshake, before there is a key. */
interface Full extends Negotiated12 {
  readonly secrets: NoSecrets;
  readonly keyShare: KeyShare;
}

/** Our side owes the signature over its share, for ServerKeyExchange (RFC 8422 section 5.4). */
export interface AwaitSignature12 extends Full {
  readonly state: 'tls12-await-signature';
  readonly scheme: SignatureScheme;
  /** ServerECDHParams. */
  readonly parameters: Bytes;
}

/** We asked for a certificate: the client owes Certificate, which may be empty (RFC 5246 section 7.4.6). */
export interface ExpectCertificate12 extends Full {
  readonly state: 'tls12-expect-certificate';
}

/** Our side owes the verdict on the client's chain. */
export interface AwaitCertificateVerification12 extends Full {
  readonly state: 'tls12-await-certificate-verification';
}

/** A client's certificate, accepted; it has not been shown yet that the client has its key. */
export interface ClientIdentity {
  readonly peer: PeerIdentity;
  readonly spki: Bytes;
}

/** The client owes ClientKeyExchange (RFC 8422 section 5.7): its share. */
export interface ExpectKeyExchange extends Full {
  readonly state: 'tls12-expect-key-exchange';
  readonly client: ClientIdentity | null;
}

/** Our side owes the secret that comes of both shares. */
export interface AwaitAgreement12 extends Negotiated12 {
  readonly state: 'tls12-await-agreement';
  readonly secrets: NoSecrets;
  readonly group: NamedGroup;
  readonly client: ClientIdentity | null;
}

/** Since there are keys. */
export interface Keyed extends Negotiated12 {
  /** Of the key exchange; in a resumption, of the full handshake's. */
  readonly group: NamedGroup;
  /** What the client signed with. */
  readonly scheme: SignatureScheme | null;
  readonly peer: PeerIdentity | null;
  /** The session that this connection resumes. */
  readonly resumed: Session12 | null;
  readonly secrets: { readonly master: Bytes };
  readonly sealer: Sealer;
  readonly opener: Opener;
}

/** The client owes the proof that it has the key of its certificate (RFC 5246 section 7.4.8). */
export interface ExpectCertificateVerify12 extends Keyed {
  readonly state: 'tls12-expect-certificate-verify';
  readonly spki: Bytes;
}

/** Our side owes the verdict on the signature in the client's CertificateVerify. */
export interface AwaitSignatureVerification12 extends Keyed {
  readonly state: 'tls12-await-signature-verification';
  readonly certificateVerify: Bytes;
}

/** The client owes change_cipher_spec, and nothing else may come (RFC 5246 section 7.1). */
export interface ExpectChangeCipherSpec extends Keyed {
  readonly state: 'tls12-expect-change-cipher-spec';
}

/** The client owes Finished, its first that is protected (RFC 5246 section 7.4.9). */
export interface ExpectFinished12 extends Keyed {
  readonly state: 'tls12-expect-finished';
}

/** Whoever holds the ticket keys owes the ticket for this session. */
export interface AwaitTicket12 extends Keyed {
  readonly state: 'tls12-await-ticket';
}
