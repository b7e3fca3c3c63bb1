import type { Bytes } from '../core/bytes.ts';
import type { Failure } from '../core/failures.ts';
import type { KeyShare, NamedGroup, SignatureScheme } from '../crypto/provider.ts';

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
  /** Sends close_notify; receiving goes on (RFC 8446 section 6.1). */
  closeWrite(): void;
  /** Asks for new keys in both directions (TLS 1.3; a no-op in 1.2). */
  updateKeys(): void;
  /** Ends the connection for a reason of ours: sends the alert of `failure` (user_canceled and close_notify for none) and fails. */
  abort(failure?: Failure): void;
  /** The answer to the effect of that number. A late, second or unasked answer is refused with an exception: it is the driver's mistake. */
  answer(id: EffectId, answer: Answer): void;
  /** The next thing to do, in order, or undefined. */
  next(): Output | undefined;
  /** RFC 8446 section 7.5, RFC 5705. Only once `open`. */
  exportKeyingMaterial(label: string, context: Bytes, length: number): Bytes;
  readonly phase: 'idle' | 'handshake' | 'open' | 'failed';
  /** Neither direction has anything left to do: both close_notify alerts are through, or it failed. */
  readonly finished: boolean;
}

export type Output =
  | { readonly output: 'network'; readonly bytes: Bytes } // write these to the network
  | { readonly output: 'plaintext'; readonly bytes: Bytes } // application data
  | { readonly output: 'effect'; readonly id: EffectId; readonly effect: Effect } // do this, then answer()
  | { readonly output: 'open'; readonly session: SessionFacts } // handshake complete: send() is allowed
  | { readonly output: 'ticket'; readonly ticket: Ticket } // only if the configuration asked for tickets
  | { readonly output: 'peer-closed' } // its close_notify: no more plaintext will come
  | { readonly output: 'failed'; readonly failure: Failure }; // final; the alert, if any, was put out before

declare const effectId: unique symbol;
/** A number that is used once in a connection. */
export type EffectId = number & { readonly [effectId]: never };

/** Work that the engine wants done elsewhere: by the provider, the verifier, or another process. */
export type Effect =
  | { readonly effect: 'agree'; readonly keyShare: KeyShare; readonly peerShare: Bytes }
  | {
      readonly effect: 'verify-certificate';
      /** DER, leaf first, as received. */
      readonly chain: readonly Bytes[];
      readonly ocspResponse?: Bytes;
    }
  | {
      readonly effect: 'verify-signature';
      readonly scheme: SignatureScheme;
      /** DER SubjectPublicKeyInfo, from the verified leaf. */
      readonly spki: Bytes;
      readonly message: Bytes;
      readonly signature: Bytes;
    };

export type Answer =
  | { readonly answer: 'agreed'; readonly secret: Bytes }
  | { readonly answer: 'certificate-accepted'; readonly spki: Bytes; readonly identity: PeerIdentity }
  | { readonly answer: 'signature-valid' }
  | { readonly answer: 'refused'; readonly failure: Failure };

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

export interface SessionFacts {
  readonly version: 'TLSv1.3' | 'TLSv1.2';
  /** The registry's name: TLS_AES_128_GCM_SHA256. */
  readonly suite: string;
  readonly group: NamedGroup | null;
  readonly signatureScheme: SignatureScheme | null;
  readonly alpn: string | null;
  readonly serverName: string | null;
  readonly resumed: boolean;
  readonly helloRetryRequest: boolean;
  readonly peer: PeerIdentity | null;
}

/** What resumption needs; kept only where the caller gave a place for it. Contains a secret. */
export interface Ticket {
  readonly ticket: Bytes;
  readonly resumptionSecret: Bytes;
  readonly suite: string;
  readonly lifetimeSeconds: number;
  readonly ageAdd: number;
  readonly receivedAtMs: number;
  readonly serverName: string | null;
  readonly alpn: string | null;
}
