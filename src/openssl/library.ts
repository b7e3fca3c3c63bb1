import type { Bytes } from '../core/bytes.ts';
import { loadOpenSslModule } from '../os/load.ts';

declare const handle: unique symbol;
/** A connection of OpenSSL's. Dropping it frees it some time; {@link OpenSslLibrary.release} frees it now. */
export interface Handle {
  readonly [handle]: never;
}

/**
 * The functions of `native/openssl.c`. A wrong argument, or a handle that is released, is a TypeError or RangeError; what OpenSSL
 * refuses to be told is an Error with its reason. {@link handshake} and its like return a positive number or minus an {@link SSL_ERROR}.
 */
export interface OpenSslLibrary {
  /** Loads libssl.so.3 and libcrypto.so.3, once, and reads no configuration. @returns OPENSSL_VERSION_NUMBER. @throws Error that names what is missing */
  load(): number;
  /**
   * @param server 1 or 0 @param options SSL_OP_ bits. Lists are in OpenSSL's names, with colons between them.
   * @throws Error for a name that this version does not know
   */
  create(
    server: number,
    minVersion: number,
    maxVersion: number,
    options: number,
    suites12: string,
    suites13: string,
    groups: string,
    schemes: string,
  ): Handle;
  /** Frees the connection with its keys. */
  release(connection: Handle): void;

  // Before the handshake
  setServerName(connection: Handle, name: string): void;
  /** A client's offer, or what a server speaks, as in RFC 7301 section 3.1 without the length of the list. */
  setProtocols(connection: Handle, names: Bytes): void;
  /** SSL_VERIFY_ bits. */
  setVerify(connection: Handle, mode: number): void;
  /** A client asks for an OCSP response. */
  requestStatus(connection: Handle): void;
  keepSessions(connection: Handle): void;
  /** A session of {@link session}. @returns 1 if it will be offered */
  setSession(connection: Handle, session: Bytes): number;
  /** @param keys 80 bytes @param count of tickets, after a TLS 1.3 handshake */
  giveTickets(connection: Handle, keys: Bytes, count: number, lifetimeSeconds: number): void;

  // While it waits for us
  /** At each ClientHello, of a server that gives tickets. @param context at most 32 bytes that they are bound to */
  bindTickets(connection: Handle, context: Bytes): void;
  /** Ours, DER; the leaf has index 0. */
  addCertificate(connection: Handle, certificate: Bytes, index: number): void;
  /** Of the leaf: PKCS#8, DER. */
  useKey(connection: Handle, key: Bytes): void;
  /** An OCSP response for the leaf, which goes to a client that asks. */
  setStatus(connection: Handle, response: Bytes): void;
  certificateChosen(connection: Handle): void;
  /** 0, or the X509_V_ERR_ code whose alert a client sends. */
  verdict(connection: Handle, error: number): void;

  // Bytes
  /** From the network: all are taken. */
  receive(connection: Handle, bytes: Bytes): number;
  /** How many bytes are for the network. */
  pending(connection: Handle): number;
  take(connection: Handle, bytes: Bytes): number;
  handshake(connection: Handle): number;
  /** @returns how many bytes of plaintext were put into `bytes` */
  read(connection: Handle, bytes: Bytes): number;
  write(connection: Handle, bytes: Bytes): number;
  shutdown(connection: Handle): number;
  updateKeys(connection: Handle): number;
  /** A server of TLS 1.3 after its handshake: puts out that alert, and fails. */
  refuse(connection: Handle, alert: number): number;

  // What there is to know
  /** Of the peer's chain, leaf first, as OpenSSL has parsed it; undefined behind the last. */
  certificate(connection: Handle, index: number): Bytes | undefined;
  /** Of the peer's leaf, by which OpenSSL checks its signature: DER SubjectPublicKeyInfo. */
  publicKey(connection: Handle): Bytes | undefined;
  /** The OCSP response of a server: in TLS 1.2 not before the verdict. */
  status(connection: Handle): Bytes | undefined;
  /** The peer's last ClientHello, ServerHello or CertificateRequest, with its header. */
  message(connection: Handle, type: number): Bytes | undefined;
  protocol(connection: Handle): Bytes | undefined;
  /** The next session that the server gave, DER with its secret; its lifetime is a fact then. */
  session(connection: Handle): Bytes | undefined;
  facts(connection: Handle, facts: Int32Array): void;
  /** OpenSSL's words for why it failed. */
  reason(connection: Handle): Bytes | undefined;
  exportKeys(connection: Handle, label: string, context: Bytes | null, output: Bytes): void;
}

/** SSL_get_error(3): why an operation did not go on, as far as that is not a failure. */
export const SSL_ERROR = {
  wantRead: 2,
  /** Waits for {@link OpenSslLibrary.certificateChosen}. */
  wantCertificate: 4,
  /** The peer's close_notify. */
  closed: 6,
  /** Waits for {@link OpenSslLibrary.bindTickets}. */
  wantBinding: 11,
  /** Waits for {@link OpenSslLibrary.verdict}. */
  wantVerdict: 12,
} as const;

/** What {@link OpenSslLibrary.facts} fills in, in its order. */
const FACTS = [
  'version',
  'suite',
  'group',
  'signatureType',
  'signatureHash',
  'resumed',
  'extendedMasterSecret',
  'clientHellos',
  'alertSent',
  'ticketLifetimeSeconds',
  'errorLibrary',
  'errorReason',
] as const;

/** By name; each is an integer, 0 for what there is not. */
export type Facts = Readonly<Record<(typeof FACTS)[number], number>>;

/** All facts of a connection. */
export function readFacts(library: OpenSslLibrary, connection: Handle): Facts {
  const values = new Int32Array(FACTS.length);
  library.facts(connection, values);
  return Object.fromEntries(FACTS.map((name, index) => [name, values[index] as number])) as Facts;
}

/** The system's OpenSSL cannot be used. */
export class OpenSslMissing extends Error {
  override readonly name = 'OpenSslMissing';
}

/** OpenSSL, ready for connections, with what its version can do. */
export interface OpenSsl {
  readonly library: OpenSslLibrary;
  /** OPENSSL_VERSION_NUMBER: 0x30500020 is 3.5.2. */
  readonly version: number;
}

/** Loads OpenSSL: to be called before the sandbox closes. @throws OpenSslMissing, NativeModuleMissing */
export function loadOpenSsl(): OpenSsl {
  const library = loadOpenSslModule() as OpenSslLibrary;
  try {
    const version = library.load();
    if (version < OLDEST_VERSION) throw new Error(`version ${version.toString(16)} is older than 3.0.2`);
    return { library, version };
  } catch (error) {
    throw new OpenSslMissing(error instanceof Error ? error.message.replace(/^load: /, '') : String(error));
  }
}

/** SSL_set_retry_verify works from this one on. */
const OLDEST_VERSION = 0x30000020;
