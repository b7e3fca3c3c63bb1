import type { Bytes } from '../core/bytes.ts';
import type { Failure } from '../core/failures.ts';
import type { HpkeAead } from '../crypto/hpke.ts';
import type {
  CertificateCompression,
  CertificateOnlyScheme,
  KeyShare,
  NamedGroup,
  SignatureScheme,
} from '../crypto/provider.ts';
import type { SignedContent } from '../crypto/signed-content.ts';

/**
 * One end of one TLS connection, without input or output of its own: bytes and answers go in, {@link Output}s come out.
 * Every implementation (our engine, the OpenSSL backend), client or server, passes one contract suite.
 *
 * No method throws for what a peer does; a failure is an output, and it is final. After each call the driver takes
 * outputs with {@link next} until there are none.
 */
export interface Connection {
  /** Begins the handshake: the client's first flight. A server waits. Called once. */
  start(): void;
  /**
   * Takes bytes from the network, as many as form complete records or fit what is waited for.
   * @returns how many bytes of `input` were consumed; the caller keeps the rest and presents it again with more behind it.
   * Fewer than all are consumed only when a record is incomplete, or when an effect must be answered first.
   * Views in outputs never alias `input`.
   */
  receive(input: Bytes): number;
  /** The network stream has ended. Without close_notify before, that is truncation. */
  receiveEnd(): void;
  /** Seals application data, as few records as possible. Allowed when `open` and not after {@link closeWrite}. */
  send(plaintext: Bytes): void;
  /**
   * Sends close_notify; receiving goes on (RFC 8446 section 6.1). In TLS 1.2 the peer is to answer with its own and may drop what it
   * had to say (RFC 5246 section 7.2.1). Of ours, neither version drops anything: the driver says when this side ends.
   */
  closeWrite(): void;
  /** Asks for new keys in both directions (TLS 1.3; a no-op in 1.2). */
  updateKeys(): void;
  /** Ends the connection for a reason of ours: sends the alert of `failure` (user_canceled and close_notify for none) and fails. */
  abort(failure?: Failure): void;
  /** The answer to the effect of that number. A late, second or unasked answer is refused with an exception: it is the driver's mistake. */
  answer(id: EffectId, answer: Answer): void;
  /** The next thing to do, in order, or undefined. */
  next(): Output | undefined;
  /** RFC 8446 section 7.5, RFC 5705. Only once `open`. @param context null for none, which to TLS 1.2 is not the same as an empty one */
  exportKeyingMaterial(label: string, context: Bytes | null, length: number): Bytes;
  readonly phase: 'idle' | 'handshake' | 'open' | 'failed';
  /** Neither direction has anything left to do: both close_notify alerts are through, or it failed. */
  readonly finished: boolean;
}

/** What the driver is to do, in this order. */
export type Output =
  | { readonly output: 'network'; readonly bytes: Bytes } // write these to the network
  | { readonly output: 'plaintext'; readonly bytes: Bytes } // application data
  | { readonly output: 'effect'; readonly id: EffectId; readonly effect: Effect } // do this, then answer()
  | { readonly output: 'open'; readonly session: SessionFacts } // handshake complete: send() is allowed
  | { readonly output: 'ticket'; readonly ticket: Ticket } // only if the configuration asked for tickets
  /** A line of an NSS key log file, with which all of the connection can be read: only if the configuration asked for it. */
  | { readonly output: 'key-log'; readonly line: string }
  | { readonly output: 'peer-closed' } // its close_notify: no more plaintext will come
  | { readonly output: 'failed'; readonly failure: Failure }; // final; the alert, if any, was put out before

declare const effectId: unique symbol;
/** A number that is used once in a connection. */
export type EffectId = number & { readonly [effectId]: never };

/**
 * Work that the engine wants done elsewhere: by the provider, the verifier, or the process that holds the keys. One effect is
 * open at a time, and nothing more is received until it is answered.
 */
export type Effect =
  | { readonly effect: 'agree'; readonly keyShare: KeyShare; readonly peerShare: Bytes }
  /** The responder's side of a key agreement. */
  | { readonly effect: 'respond'; readonly group: NamedGroup; readonly peerShare: Bytes }
  | {
      readonly effect: 'verify-certificate';
      /** DER, leaf first, as received. */
      readonly chain: readonly Bytes[];
      readonly ocspResponse?: Bytes;
      /**
       * The only name to judge the chain by, instead of all that the caller has: the server has rejected Encrypted Client Hello,
       * and only tells what to do instead (RFC 9849 section 6.1.7). Null for the usual names.
       */
      readonly publicName: string | null;
    }
  | {
      readonly effect: 'verify-signature';
      /** In TLS 1.2 also a curve with another hash than is usual. */
      readonly scheme: SignatureScheme | CertificateOnlyScheme;
      /** DER SubjectPublicKeyInfo, from the verified leaf. */
      readonly spki: Bytes;
      readonly message: Bytes;
      readonly signature: Bytes;
    }
  | CertificateQuestion
  /** The holder builds the signed bytes itself, from fields that say what is signed: it is no oracle for anything else. */
  | {
      readonly effect: 'sign';
      /** {@link Credential.key} */
      readonly key: string;
      readonly scheme: SignatureScheme;
      readonly content: SignedContent;
    }
  /**
   * Encrypts what only the server itself is to read again: the state of a session (`ticket`), or of a retry (`cookie`). The plaintext
   * is overwritten when there is an answer, as that of `ticket-opened` is when it was read.
   */
  | { readonly effect: 'seal-ticket'; readonly purpose: TicketPurpose; readonly plaintext: Bytes }
  | { readonly effect: 'open-ticket'; readonly purpose: TicketPurpose; readonly ticket: Bytes }
  | EchOpening;

/** Decrypts a ClientHello that came within another (RFC 9849 section 7.1), for which the process that parses has no key. */
export interface EchOpening {
  readonly effect: 'open-ech';
  /** Its name, as in the server's configuration. Its holder knows the ECHConfig that belongs to it, and opens nothing that was sealed for anything else. */
  readonly key: string;
  readonly aead: HpkeAead;
  /** Of the first ClientHello. */
  readonly encapsulated: Bytes;
  /** 0 for the first ClientHello, 1 for the answer to a HelloRetryRequest: the number of the message in the HPKE context. */
  readonly sequence: 0 | 1;
  readonly associatedData: Bytes;
  readonly payload: Bytes;
}

/** What the sealed bytes are for; one kind is never taken for the other. */
export type TicketPurpose = 'ticket' | 'cookie';

/** Which certificate of ours to show, and with which scheme to sign. Asked of a server always, of a client when its server asks. */
export interface CertificateQuestion {
  readonly effect: 'choose-certificate';
  readonly role: 'client' | 'server';
  readonly version: ProtocolVersion;
  /** What the client asked for by SNI: lower-case ASCII. For a client the name that it asked for itself. */
  readonly serverName: string | null;
  /** The client's offer, its preference first; one Latin-1 character a byte. */
  readonly alpnOffered: readonly string[];
  /**
   * What the peer accepts in the handshake, its preference first, without those that this version cannot use. TLS 1.2's ECDSA
   * schemes name a hash alone: a key on any curve may go by them (RFC 8446 section 4.2.3).
   */
  readonly schemes: readonly SignatureScheme[];
  /** The curves that the key of an ECDSA certificate may be on (RFC 8422 section 5.1.1); null where the peer did not say, or the scheme does. */
  readonly curves: readonly NamedGroup[] | null;
  /** What the peer accepts in certificates. */
  readonly certificateSchemes: readonly SignatureScheme[];
  /** The peer's hints: DER distinguished names. Empty means any. */
  readonly authorities: readonly Bytes[];
  readonly ocspRequested: boolean;
}

/** A certificate of ours with the name of its key; the key itself is in no process that parses TLS. */
export interface Credential {
  /** DER, leaf first. */
  readonly chain: readonly Bytes[];
  /** What the key's holder calls it. Means nothing to the engine. */
  readonly key: string;
  /** DER OCSPResponse to staple. */
  readonly ocspResponse?: Bytes;
  /** RFC 8879: the TLS 1.3 Certificate message's body, `ocspResponse` within if there is one, compressed ahead of time. */
  readonly compressed?: readonly CompressedChain[];
}

/** One form of a compressed Certificate message. */
export interface CompressedChain {
  readonly algorithm: CertificateCompression;
  readonly stapled: boolean;
  readonly uncompressedBytes: number;
  readonly compressed: Bytes;
}

/** What an {@link Effect} came to; `refused` answers any of them. */
export type Answer =
  | { readonly answer: 'agreed'; readonly secret: Bytes }
  | { readonly answer: 'responded'; readonly publicShare: Bytes; readonly secret: Bytes }
  | { readonly answer: 'certificate-accepted'; readonly spki: Bytes; readonly identity: PeerIdentity }
  | { readonly answer: 'signature-valid' }
  /** Null shows none: a client's right, and a failure for a server. */
  | { readonly answer: 'certificate-chosen'; readonly choice: CertificateChoice | null }
  | { readonly answer: 'signed'; readonly signature: Bytes }
  | { readonly answer: 'ticket-sealed'; readonly ticket: Bytes }
  /** Null if it is not ours, too old, or used before: the handshake goes on without. */
  | { readonly answer: 'ticket-opened'; readonly plaintext: Bytes | null }
  /** Null if it was not sealed for that key. */
  | { readonly answer: 'ech-opened'; readonly encodedInner: Bytes | null }
  | { readonly answer: 'refused'; readonly failure: Failure };

/** A certificate of ours, and how to sign for it. */
export interface CertificateChoice {
  readonly credential: Credential;
  /** One of the question's `schemes`. */
  readonly scheme: SignatureScheme;
}

/** What the status line and the application may know of the peer's certificate. `verified: false` only under --insecure-no-verify. */
export interface PeerIdentity {
  readonly verified: boolean;
  /** The reference identifiers that matched, in the form of `--name`. */
  readonly matched: readonly string[];
  /** Distinguished name of the leaf, RFC 4514 form, for display only. */
  readonly subject: string;
  readonly spkiSha256: string;
  readonly certificateSha256: string;
  readonly notAfterSeconds: number;
}

/** OpenSSL's names, which every tool knows. */
export type ProtocolVersion = 'TLSv1.3' | 'TLSv1.2';

/**
 * What became of Encrypted Client Hello (RFC 9849). `grease`: a client's that meant nothing. `rejected`: one that the server could not
 * read, of either kind; for a client that is a failure.
 */
export type EchStatus = 'not-offered' | 'grease' | 'accepted' | 'rejected';

/** What a handshake has agreed on. */
export interface SessionFacts {
  readonly version: ProtocolVersion;
  /** The registry's name: TLS_AES_128_GCM_SHA256. */
  readonly suite: string;
  /**
   * Of the key exchange that the keys come from: in a resumption of TLS 1.2, which has none of its own, that of the full handshake.
   * Null if it is none that we know.
   */
  readonly group: NamedGroup | null;
  /** What the peer signed with when it proved to be {@link peer}: in a resumption, in the full handshake. Null without a proof. */
  readonly signatureScheme: SignatureScheme | null;
  readonly alpn: string | null;
  /** The name that the client asked for. */
  readonly serverName: string | null;
  readonly resumed: boolean;
  readonly helloRetryRequest: boolean;
  readonly ech: EchStatus;
  /** Null for a client without a certificate. */
  readonly peer: PeerIdentity | null;
}

/** What resumption needs; kept only where the caller gave a place for it. Contains a secret. */
export interface Ticket {
  readonly version: ProtocolVersion;
  readonly ticket: Bytes;
  /** The PSK of TLS 1.3, the master secret of 1.2. */
  readonly resumptionSecret: Bytes;
  readonly suite: string;
  /** Of the key exchange that the secret comes from. */
  readonly group: NamedGroup | null;
  readonly lifetimeSeconds: number;
  readonly ageAdd: number;
  readonly receivedAtMs: number;
  readonly serverName: string | null;
  readonly alpn: string | null;
  /** {@link ClientConfig.certificatePolicy} of the connection that it came from. */
  readonly certificatePolicy: string;
  /** Who the server has proved to be, and how. */
  readonly peer: PeerIdentity | null;
  readonly signatureScheme: SignatureScheme | null;
}
