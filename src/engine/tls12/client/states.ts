import type { Bytes } from '../../../core/bytes.ts';
import type { Tls12SuiteName } from '../../../crypto/cipher-suites.ts';
import type { NamedGroup, SignatureScheme } from '../../../crypto/provider.ts';
import type { Offer } from '../../client/offer.ts';
import type { CertificateRequest12 } from '../../codec/messages12.ts';
import type { Credential, PeerIdentity, Ticket } from '../../connection.ts';
import type { MessageEvent, NoSecrets } from '../../machine.ts';
import type { Opener, Sealer } from '../../record/protection.ts';
import type { Randoms } from '../../schedule/schedule12.ts';
import type { Open12 } from '../open12.ts';
import type { Transcript12 } from '../transcript12.ts';

/**
 * A client since its server chose TLS 1.2 (RFC 5246 section 7.3), with our own work in between. Tickets and stapled responses
 * come if the ServerHello has promised them.
 *
 *     expect-certificate → [expect-status] → await-certificate-verification
 *       → expect-key-exchange → await-signature-verification
 *       → expect-request-or-done → [expect-done → await-certificate-choice]
 *       → await-agreement → [await-signature] → last part
 *
 * The last part, which is all there is of a resumption:
 *
 *     [expect-ticket] → expect-change-cipher-spec → expect-finished → open
 */
export type ClientState12 =
  | ExpectCertificate12
  | ExpectStatus
  | ExpectKeyExchange
  | AwaitCertificateVerification12
  | AwaitSignatureVerification12
  | ExpectRequestOrDone
  | ExpectDone
  | AwaitCertificateChoice12
  | AwaitAgreement12
  | AwaitSignature12
  | ExpectTicket
  | ExpectChangeCipherSpec
  | ExpectFinished12
  | Open12;

/** What stands since the ServerHello. */
interface Negotiated12 {
  readonly offer: Offer;
  readonly suite: Tls12SuiteName;
  readonly randoms: Randoms;
  readonly alpn: string | null;
  /** RFC 8449, in plaintext bytes, for what is protected: what the server takes, and what we do. */
  readonly recordLimits: { readonly sendBytes: number; readonly receiveBytes: number };
  readonly ticketPromised: boolean;
  readonly transcript: Transcript12;
}

/** Of a full handshake, before there is a key. */
interface Full extends Negotiated12 {
  readonly secrets: NoSecrets;
}

/** The server owes Certificate (RFC 5246 section 7.4.2). */
export interface ExpectCertificate12 extends Full {
  readonly state: 'tls12-expect-certificate';
  readonly statusPromised: boolean;
}

/** RFC 6066 section 8: a server that has promised a response may still leave it out. */
export interface ExpectStatus extends Full {
  readonly state: 'tls12-expect-status';
  /** DER, leaf first; not judged yet. */
  readonly chain: readonly Bytes[];
}

/** Our side owes the verdict on the server's chain, with the stapled response if there is one. */
export interface AwaitCertificateVerification12 extends Full {
  readonly state: 'tls12-await-certificate-verification';
  /** The message that came instead of the promised response. */
  readonly keyExchange: MessageEvent | null;
}

/** The server owes ServerKeyExchange (RFC 8422 section 5.4): its share, signed. */
export interface ExpectKeyExchange extends Full {
  readonly state: 'tls12-expect-key-exchange';
  readonly peer: PeerIdentity;
  /** DER SubjectPublicKeyInfo of the leaf. */
  readonly spki: Bytes;
}

/** Since ServerKeyExchange. */
interface Identified12 extends Full {
  readonly peer: PeerIdentity;
  readonly group: NamedGroup;
  readonly peerShare: Bytes;
  readonly scheme: SignatureScheme;
}

/** Our side owes the verdict on the signature in ServerKeyExchange. */
export interface AwaitSignatureVerification12 extends Identified12 {
  readonly state: 'tls12-await-signature-verification';
}

/** The server owes CertificateRequest or ServerHelloDone (RFC 5246 sections 7.4.4 and 7.4.5). */
export interface ExpectRequestOrDone extends Identified12 {
  readonly state: 'tls12-expect-request-or-done';
}

/** The server has asked for a certificate, and owes ServerHelloDone (RFC 5246 section 7.4.5). */
export interface ExpectDone extends Identified12 {
  readonly state: 'tls12-expect-done';
  readonly certificateRequest: CertificateRequest12;
}

/** Our side owes the certificate to show, or that there is none. */
export interface AwaitCertificateChoice12 extends Identified12 {
  readonly state: 'tls12-await-certificate-choice';
  readonly schemes: readonly SignatureScheme[];
}

/** What we show if we were asked to: a certificate and how it signs, or an empty chain. */
export type ClientCertificate =
  | { readonly asked: false }
  | { readonly asked: true; readonly credential: Credential; readonly scheme: SignatureScheme }
  | { readonly asked: true; readonly credential: null };

/** Our side owes its share and the secret that comes of both. */
export interface AwaitAgreement12 extends Identified12 {
  readonly state: 'tls12-await-agreement';
  readonly certificate: ClientCertificate;
}

/** What is known of the connection when the keys are there. */
interface Keyed extends Negotiated12 {
  /** Of the key exchange; in a resumption, what the ticket says of the full handshake's. */
  readonly group: NamedGroup | null;
  readonly scheme: SignatureScheme | null;
  readonly peer: PeerIdentity | null;
  /** The ticket that this connection resumes, or null. */
  readonly resumed: Ticket | null;
  readonly secrets: { readonly master: Bytes };
  readonly sealer: Sealer;
  readonly opener: Opener;
}

/** Our side owes the signature of its CertificateVerify (RFC 5246 section 7.4.8). */
export interface AwaitSignature12 extends Keyed {
  readonly state: 'tls12-await-signature';
  readonly signatureScheme: SignatureScheme;
}

/** The server has promised NewSessionTicket (RFC 5077 section 3.3), and owes it before its change_cipher_spec. */
export interface ExpectTicket extends Keyed {
  readonly state: 'tls12-expect-ticket';
}

/** The server's last words, under the new keys. */
interface WithTicket extends Keyed {
  /** As it came: put out when the handshake has proved good. */
  readonly newTicket: { readonly lifetimeSeconds: number; readonly ticket: Bytes } | null;
}

/** The server owes change_cipher_spec, and nothing else may come (RFC 5246 section 7.1). */
export interface ExpectChangeCipherSpec extends WithTicket {
  readonly state: 'tls12-expect-change-cipher-spec';
}

/** The server owes Finished, the first that is protected (RFC 5246 section 7.4.9). */
export interface ExpectFinished12 extends WithTicket {
  readonly state: 'tls12-expect-finished';
}
