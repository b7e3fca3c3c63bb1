import type { Failure } from '../../../src/core/failures.ts';
import type { CertificateCompression, NamedGroup } from '../../../src/crypto/provider.ts';
import type { ProtocolVersion, SessionFacts } from '../../../src/engine/connection.ts';

/**
 * What `program.ts` is told and what it tells, one JSON object a line: an engine of ours as a process, for peers that are processes.
 * The tests are in `../endpoint.ts`' hands.
 */
export type Order =
  | { readonly id: number; readonly order: 'listen'; readonly options: ServerOptions }
  | { readonly id: number; readonly order: 'connect'; readonly options: ClientOptions };

export type Word =
  | { readonly id: number; readonly word: 'listening'; readonly port: number }
  /** A connection is over: of a listener each, of `connect` the one. */
  | { readonly id: number; readonly word: 'over'; readonly outcome: Outcome };

/** Paths of PEM files. */
export interface Certified {
  /** Leaf first. */
  readonly chain: string;
  readonly key: string;
  /** The names that it is for; absent for all. */
  readonly names?: readonly string[];
}

export interface CommonOptions {
  /** Default: both. */
  readonly version?: ProtocolVersion;
  /** Of either version, by the registry's names. */
  readonly suites?: readonly string[];
  readonly groups?: readonly NamedGroup[];
  readonly alpn?: readonly string[];
  /** PEM file of the CAs that the peer's certificate is to come from. */
  readonly trusted?: string;
  readonly recordSizeLimit?: number;
  readonly maxFragment?: number;
}

export interface ServerOptions extends CommonOptions {
  readonly certificates: readonly Certified[];
  /** Their names must have {@link CLIENT_NAME}. */
  readonly clientCertificate?: 'optional' | 'required';
  readonly tickets?: boolean;
  readonly statelessRetry?: boolean;
  /** Certificates ready in this form. */
  readonly compress?: CertificateCompression;
}

export interface ClientOptions extends CommonOptions {
  readonly port: number;
  readonly trusted: string;
  readonly certificate?: Certified;
  readonly keyShareGroups?: readonly NamedGroup[];
  /** Resume with the last ticket that a connection with the same word here has got. */
  readonly session?: string;
  /** Sent first. */
  readonly request: string;
  /** Then so much of the numbered stream. */
  readonly bytes?: number;
  /** When to send close_notify. Default: after what is sent. */
  readonly close?: 'after-sending' | 'after-peer';
}

/** The DNS name that clients' certificates have to have. */
export const CLIENT_NAME = 'client.example';

export interface Outcome {
  /** Null if there was no handshake. */
  readonly session: SessionFacts | null;
  readonly failure: Failure | null;
  /** Whether the peer's close_notify came. */
  readonly peerClosed: boolean;
  /** Of application data, in the form of `numbered-stream.ts`: all that a client has received, what `upload` or PUT brought a server. */
  readonly received: string | null;
  /** The first 64 KiB of what a client has received, Latin-1. */
  readonly text: string;
}
