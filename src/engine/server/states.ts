import type { Bytes } from '../../core/bytes.ts';
import type { CryptoProvider, NamedGroup, SignatureScheme } from '../../crypto/provider.ts';
import type { Transcript } from '../../crypto/transcript.ts';
import type { ClientHello } from '../codec/messages.ts';
import type { SuiteName } from '../config.ts';
import type { CertificateChoice, EchStatus, PeerIdentity } from '../connection.ts';
import type { MessageEvent, NoSecrets } from '../machine.ts';
import type { Open13 } from '../open13.ts';
import type { HandshakeAligned } from '../record/joiner.ts';
import type { EarlySecret, HandshakeSecret, MainSecret } from '../schedule/schedule13.ts';
import type { ServerConfig } from '../server-config.ts';
import type { ServerState12 } from '../tls12/server/states.ts';
import type { ClientOffer } from './client-offer.ts';
import type { OpenedEch, SealedHello } from './ech.ts';
import type { Session13 } from './session.ts';

/** What all steps of a server may use and none may change. */
export interface ServerContext {
  readonly config: ServerConfig;
  readonly crypto: CryptoProvider;
}

/**
 * RFC 8446 appendix A.2, with our own work in between:
 *
 *     expect-client-hello [→ await-ech-opening] ⟲ ([await-cookie →] HelloRetryRequest [→ await-cookie-opening])
 *       → [await-ticket-opening] → [await-certificate-choice] → await-agreement → [await-signature]
 *       → [expect-certificate → await-certificate-verification → expect-certificate-verify → await-signature-verification]
 *       → expect-finished → open
 */
export type ServerState =
  | ExpectClientHello
  | AwaitEchOpening
  | AwaitCookie
  | AwaitCookieOpening
  | AwaitTicketOpening
  | AwaitCertificateChoice
  | AwaitAgreement
  | AwaitSignature
  | ExpectCertificate
  | AwaitCertificateVerification
  | ExpectCertificateVerify
  | AwaitSignatureVerification
  | ExpectFinished
  | ServerOpen
  | ServerState12;

/** The client begins, or answers a HelloRetryRequest. */
export interface ExpectClientHello {
  readonly state: 'expect-client-hello';
  readonly secrets: NoSecrets | { readonly psk: Bytes };
  /** What a HelloRetryRequest of ours has fixed; null also when its cookie brings that back. */
  readonly retried: Retried | null;
  /** Whether a cookie was given on this connection, with which the client has to come back. */
  readonly awaitsCookie: boolean;
}

/** A ClientHello that was answered with a HelloRetryRequest, and what that said. */
export interface Retried {
  readonly hello: ClientHello;
  readonly suite: SuiteName;
  readonly group: NamedGroup;
  /** From the first ClientHello's hash to the HelloRetryRequest. */
  readonly transcript: Transcript;
  /** What the first ClientHello's ticket held: the second has to have it too. Its secret is in the state's `secrets`, as well. */
  readonly session: Session13 | null;
  /** Nothing was kept, not even a ticket. */
  readonly fromCookie: boolean;
  readonly ech: EchStatus;
  /** How the first ClientHello was opened, if it was. */
  readonly opened: OpenedEch | null;
}

/** A ClientHello is within another: whoever holds the keys owes what it is, or that it is for none of them (RFC 9849 section 7.1). */
export interface AwaitEchOpening {
  readonly state: 'await-ech-opening';
  readonly secrets: ExpectClientHello['secrets'];
  readonly sealed: SealedHello;
  readonly message: MessageEvent;
  /** As in {@link ExpectClientHello}. */
  readonly retried: Retried | null;
}

/** Seals what a HelloRetryRequest fixes. */
export interface AwaitCookie {
  readonly state: 'await-cookie';
  readonly secrets: NoSecrets;
  readonly sessionId: Bytes;
  readonly suite: SuiteName;
  readonly group: NamedGroup;
}

/** A client came back with a cookie of ours. */
export interface AwaitCookieOpening {
  readonly state: 'await-cookie-opening';
  readonly secrets: NoSecrets;
  readonly hello: ClientHello;
  readonly clientHello: Bytes;
  readonly ech: EchStatus;
  readonly cookie: Bytes;
  readonly aligned: HandshakeAligned;
}

/** A ClientHello, and what we chose of it. */
export interface Introduced {
  readonly hello: ClientHello;
  /** The message, not in the transcript yet: binders cover a part of it. */
  readonly clientHello: Bytes;
  /** How `hello` was opened, if it was within another. */
  readonly opened: OpenedEch | null;
  readonly offer: ClientOffer;
  readonly suite: SuiteName;
  readonly group: NamedGroup;
  /** Null asks for a HelloRetryRequest. */
  readonly peerShare: Bytes | null;
  readonly retried: boolean;
  readonly transcript: Transcript;
  readonly aligned: HandshakeAligned;
}

/** What stands since the last ClientHello. */
export interface Greeted {
  readonly offer: ClientOffer;
  readonly suite: SuiteName;
  readonly group: NamedGroup;
  readonly peerShare: Bytes;
  readonly retried: boolean;
  readonly transcript: Transcript;
  readonly aligned: HandshakeAligned;
}

/**
 * The client offers a ticket (RFC 8446 section 4.2.11): whoever holds the ticket keys owes what is in it, or that it
 * is no good.
 */
export interface AwaitTicketOpening extends Introduced {
  readonly state: 'await-ticket-opening';
  readonly secrets: NoSecrets;
}

/** No ticket is taken: our side owes the certificate for the name that the client asked for. */
export interface AwaitCertificateChoice extends Greeted {
  readonly state: 'await-certificate-choice';
  readonly secrets: NoSecrets;
  readonly schemes: readonly SignatureScheme[];
}

/** How we authenticate: by a certificate, or by having the ticket's secret. */
export type Authentication =
  | { readonly by: 'certificate'; readonly choice: CertificateChoice }
  | { readonly by: 'ticket'; readonly session: Omit<Session13, 'secret'> };

/** Our side owes its key share and the secret that comes of both (RFC 8446 section 7.1). */
export interface AwaitAgreement extends Greeted {
  readonly state: 'await-agreement';
  readonly secrets: { readonly schedule: EarlySecret };
  readonly authentication: Authentication;
}

/**
 * The flight stands up to our Certificate: our side owes the signature of its CertificateVerify (RFC 8446 section
 * 4.4.3).
 */
export interface AwaitSignature extends Greeted {
  readonly state: 'await-signature';
  readonly secrets: { readonly client: Bytes; readonly server: Bytes; readonly schedule: HandshakeSecret };
  readonly authentication: Authentication;
  readonly scheme: SignatureScheme;
  readonly serverHello: Bytes;
  /** EncryptedExtensions to Certificate. */
  readonly flight: readonly Bytes[];
}

/** Since our flight is out. */
export interface Answered {
  readonly offer: ClientOffer;
  readonly suite: SuiteName;
  readonly group: NamedGroup;
  readonly retried: boolean;
  readonly transcript: Transcript;
  readonly resumed: Omit<Session13, 'secret'> | null;
  /** Who the client is, and what it signed with: from its certificate, or that of the session which it resumes. */
  readonly peer: PeerIdentity | null;
  readonly scheme: SignatureScheme | null;
  readonly secrets: {
    /** The client's handshake traffic secret: its Finished is made with it. */
    readonly client: Bytes;
    readonly main: MainSecret;
    readonly sending: Bytes;
    readonly receiving: Bytes;
    readonly exporter: Bytes;
  };
}

/** We asked for a certificate: the client owes Certificate, which may be empty (RFC 8446 section 4.4.2.4). */
export interface ExpectCertificate extends Answered {
  readonly state: 'expect-certificate';
}

/** Our side owes the verdict on the client's chain. */
export interface AwaitCertificateVerification extends Answered {
  readonly state: 'await-certificate-verification';
}

/** Since the client's certificate was accepted: whether it has the key is to be shown. */
interface Claimed extends Answered {
  readonly claim: PeerIdentity;
  /** DER SubjectPublicKeyInfo of the leaf. */
  readonly spki: Bytes;
}

/** The client owes the proof that it has the key of its certificate (RFC 8446 section 4.4.3). */
export interface ExpectCertificateVerify extends Claimed {
  readonly state: 'expect-certificate-verify';
}

/** Our side owes the verdict on the signature in the client's CertificateVerify. */
export interface AwaitSignatureVerification extends Claimed {
  readonly state: 'await-signature-verification';
  readonly claimScheme: SignatureScheme;
  /** The CertificateVerify message, not in the transcript yet. */
  readonly certificateVerify: Bytes;
}

/** The client owes Finished (RFC 8446 section 4.4.4), with which the handshake is complete. */
export interface ExpectFinished extends Answered {
  readonly state: 'expect-finished';
}

/** After the handshake, and while tickets for it are sealed. */
export interface ServerOpen extends Open13 {
  readonly issuing: Issuing | null;
}

/** Tickets of this connection. */
export interface Issuing {
  readonly session: Omit<Session13, 'secret'>;
  readonly count: number;
  /** NewSessionTicket messages that go out together. Their number is also the next one's nonce. */
  readonly messages: readonly Bytes[];
  readonly lifetimeSeconds: number;
}
