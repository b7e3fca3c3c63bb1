import type { Bytes } from '../../core/bytes.ts';
import type { CertificateCompression, CryptoProvider, NamedGroup, SignatureScheme } from '../../crypto/provider.ts';
import type { Transcript } from '../../crypto/transcript.ts';
import type { ClientConfig, SuiteName } from '../config.ts';
import type { PeerIdentity, Ticket } from '../connection.ts';
import type { ChosenEchConfig } from '../ech/config.ts';
import type { NoSecrets } from '../machine.ts';
import type { Open13 } from '../open13.ts';
import type { HandshakeAligned } from '../record/joiner.ts';
import type { EarlySecret, HandshakeSecret, MainSecret } from '../schedule/schedule13.ts';
import type { ClientState12 } from '../tls12/client/states.ts';
import type { Offer, Retry } from './offer.ts';

/** What all steps of a client may use and none may change. */
export interface ClientContext {
  readonly config: ClientConfig;
  readonly crypto: CryptoProvider;
}

/**
 * RFC 8446 appendix A.1, with our own work in between:
 *
 *     [await-ech-agreement →] expect-server-hello ⟲ (HelloRetryRequest)
 *       → await-agreement → expect-encrypted-extensions
 *       → expect-certificate-or-request → expect-certificate
 *       → await-certificate-verification → expect-certificate-verify
 *       → await-signature-verification → expect-finished
 *       → [await-certificate-choice → await-signature] → open
 *
 * A resumption goes from expect-encrypted-extensions to expect-finished.
 */
export type ClientState =
  | AwaitEchAgreement
  | ExpectServerHello
  | AwaitAgreement
  | ExpectEncryptedExtensions
  | ExpectCertificateOrRequest
  | ExpectCertificate
  | AwaitCertificateVerification
  | ExpectCertificateVerify
  | AwaitSignatureVerification
  | ExpectFinished
  | AwaitCertificateChoice
  | AwaitSignature
  | Open13
  | ClientState12;

/** The provider makes the key with which a ClientHello is sealed within another (RFC 9849 section 6.1). */
export interface AwaitEchAgreement {
  readonly state: 'await-ech-agreement';
  readonly secrets: NoSecrets;
  readonly chosen: ChosenEchConfig;
  readonly encapsulated: Bytes;
}

/** Our ClientHello is out. */
export interface ExpectServerHello {
  readonly state: 'expect-server-hello';
  readonly secrets: NoSecrets;
  readonly offer: Offer;
  /** Set once a HelloRetryRequest was answered: a second one is an error, and the ServerHello must keep to what it said. */
  readonly retried: Retried | null;
}

/** What stands since a HelloRetryRequest was answered. */
export interface Retried {
  readonly suite: SuiteName;
  readonly request: Retry;
  /** From the first ClientHello's hash to the second ClientHello. */
  readonly transcript: Transcript;
}

/** The server's share is there; the provider works on it. */
export interface AwaitAgreement extends Negotiated {
  readonly state: 'await-agreement';
  readonly secrets: { readonly schedule: EarlySecret };
  readonly aligned: HandshakeAligned;
}

/** What stands since the ServerHello. */
export interface Negotiated {
  readonly offer: Offer;
  readonly suite: SuiteName;
  readonly group: NamedGroup;
  readonly retried: boolean;
  /** The ticket that the server takes. */
  readonly resumed: Ticket | null;
  readonly transcript: Transcript;
}

/** Since the key agreement. */
interface Protected extends Negotiated {
  readonly secrets: {
    /** The handshake traffic secrets: both Finished messages are made with them. */
    readonly client: Bytes;
    readonly server: Bytes;
    readonly schedule: HandshakeSecret;
  };
}

/** The first message under protection is next. */
export interface ExpectEncryptedExtensions extends Protected {
  readonly state: 'expect-encrypted-extensions';
}

/** Since EncryptedExtensions. */
interface Agreed extends Protected {
  readonly alpn: string | null;
}

/** Nothing is known yet of who the server is. */
export interface ExpectCertificateOrRequest extends Agreed {
  readonly state: 'expect-certificate-or-request';
}

/** Since the server has asked for a client certificate, or not. */
interface Asked extends Agreed {
  readonly certificateRequest: ClientCertificateRequest | null;
}

/** A CertificateRequest, decoded: by whom and how a client certificate may be signed. */
export interface ClientCertificateRequest {
  /** The server's preference first. */
  readonly schemes: readonly SignatureScheme[];
  readonly certificateSchemes: readonly SignatureScheme[];
  readonly compressions: readonly CertificateCompression[];
  readonly ocspRequested: boolean;
  /** DER names; empty means any. */
  readonly authorities: readonly Bytes[];
}

/** The server's certificate is next, and nothing else. */
export interface ExpectCertificate extends Asked {
  readonly state: 'expect-certificate';
}

/** The verifier judges the chain. */
export interface AwaitCertificateVerification extends Asked {
  readonly state: 'await-certificate-verification';
}

/** Since the certificate was accepted. */
interface Identified extends Asked {
  readonly peer: PeerIdentity;
  /** DER SubjectPublicKeyInfo of the leaf. */
  readonly spki: Bytes;
}

/** The certificate is good; whether the server has its key is not known yet. */
export interface ExpectCertificateVerify extends Identified {
  readonly state: 'expect-certificate-verify';
}

/** The provider verifies the signature. */
export interface AwaitSignatureVerification extends Identified {
  readonly state: 'await-signature-verification';
  readonly scheme: SignatureScheme;
  /** The CertificateVerify message, not in the transcript yet. */
  readonly certificateVerify: Bytes;
}

/** The server has proved that it has the key. */
export interface ExpectFinished extends Asked {
  readonly state: 'expect-finished';
  readonly peer: PeerIdentity | null;
  /** Null if the server has signed nothing. */
  readonly scheme: SignatureScheme | null;
}

/** Since the server's Finished: our own flight is being made. */
export interface Finishing extends Omit<ExpectFinished, 'state' | 'secrets' | 'certificateRequest'> {
  readonly aligned: HandshakeAligned;
  readonly secrets: {
    /** Our handshake traffic secret: our Finished is made with it. */
    readonly client: Bytes;
    readonly main: MainSecret;
    readonly sending: Bytes;
    readonly receiving: Bytes;
    readonly exporter: Bytes;
  };
}

/**
 * The server has asked for a certificate (RFC 8446 section 4.3.2): which one we show, if any, is for our side to say.
 */
export interface AwaitCertificateChoice extends Finishing {
  readonly state: 'await-certificate-choice';
  readonly certificateRequest: ClientCertificateRequest;
}

/** Our Certificate is chosen: our side owes the signature of its CertificateVerify (RFC 8446 section 4.4.3). */
export interface AwaitSignature extends Finishing {
  readonly state: 'await-signature';
  readonly ownScheme: SignatureScheme;
}
