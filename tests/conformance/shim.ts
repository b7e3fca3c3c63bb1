/**
 * A shim for BoringSSL's TLS test runner (ssl/test/PORTING.md there): one process a test, one connection after another to the
 * runner's port, the engine driven in the open so that each refusal can be compared with the runner's expectation.
 * docs/conformance.md tells how to run it. Exit codes: 0 as expected, 1 a failure (named on stderr), 89 out of scope.
 */

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { ascii, type Bytes, concat, equal } from '../../src/core/bytes.ts';
import { TLS12_SUITES, type Tls12SuiteName } from '../../src/crypto/cipher-suites.ts';
import { groupByCodePoint, NAMED_GROUPS } from '../../src/crypto/named-groups.ts';
import type { CertificateCompression, NamedGroup, SignatureScheme } from '../../src/crypto/provider.ts';
import { SIGNATURE_SCHEMES, signatureSchemeByCodePoint } from '../../src/crypto/signature-schemes.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import { type KeyHolder, NO_KEYS, performEffect } from '../../src/engine/answer.ts';
import { ClientConnection } from '../../src/engine/client.ts';
import { type ClientConfig, defaultClientConfig } from '../../src/engine/config.ts';
import type { Answer, Connection, Effect, ProtocolVersion, SessionFacts, Ticket } from '../../src/engine/connection.ts';
import { softwareKeys } from '../support/software-keys.ts';
import { parseFlags, type ShimFlags, Unimplemented } from './flags.ts';

const TLS12 = 0x0303;
const TLS13 = 0x0304;

/** One connection after another; a client resumes the last session that it got. */
async function runConnections(all: readonly ShimFlags[]): Promise<void> {
  let session: Ticket | null = null;
  for (const [index, flags] of all.entries()) {
    if (index > 0 && session === null) throw new Error('no session to resume');
    session = await runConnection(flags, session);
  }
}

/** @returns the session to offer the next time: the newest, or the one that was offered. */
async function runConnection(flags: ShimFlags, session: Ticket | null): Promise<Ticket | null> {
  if (flags.bools.has('server')) throw new Unimplemented('server role');
  const connection: Connection = new ClientConnection(clientConfig(flags, session), nodeCrypto);
  const wire = await Wire.open(number(flags, 'port'), flags.bools.has('ipv6'));
  const id = new DataView(new ArrayBuffer(8));
  id.setBigUint64(0, BigInt(number(flags, 'shim-id')), true);
  wire.write(new Uint8Array(id.buffer));
  const exchange = new Exchange(connection, wire, flags, session !== null);
  try {
    await exchange.run();
  } finally {
    await wire.close();
  }
  return exchange.tickets.at(-1) ?? session;
}

function versionsOf(flags: ShimFlags): { minVersion: ProtocolVersion; maxVersion: ProtocolVersion } {
  const most = flags.ints.get('max-version')?.[0] ?? TLS13;
  const least = flags.ints.get('min-version')?.[0] ?? TLS12;
  const no12 = flags.bools.has('no-tls12') || least > TLS12;
  const no13 = flags.bools.has('no-tls13') || most < TLS13;
  if ((no12 && no13) || most < TLS12) throw new Unimplemented('versions below TLS 1.2');
  const only13 =
    (flags.ints.get('curves') ?? []).length > 0 && groupsOf(flags, 'curves').every((group) => group.includes('MLKEM'));
  return { minVersion: no12 || (only13 && !no13) ? 'TLSv1.3' : 'TLSv1.2', maxVersion: no13 ? 'TLSv1.2' : 'TLSv1.3' };
}

/** The certificate of -cert-file, which signs as -signing-prefs say. */
function keysOf(flags: ShimFlags): KeyHolder {
  const certificateFile = flags.strings.get('cert-file');
  const keyFile = flags.strings.get('key-file');
  if (certificateFile === undefined || keyFile === undefined) return NO_KEYS;
  const schemes = flags.ints.get('signing-prefs')?.map(schemeOf);
  const chain = readFileSync(certificateFile, 'latin1').match(
    /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g,
  );
  return softwareKeys([
    {
      chain: (chain ?? []).map((pem) => new Uint8Array(new X509Certificate(pem).raw)),
      privatePem: readFileSync(keyFile, 'latin1'),
      ...(schemes === undefined ? {} : { schemes }),
    },
  ]);
}

function schemeOf(codePoint: number): SignatureScheme {
  const scheme = signatureSchemeByCodePoint(codePoint);
  if (scheme === undefined) throw new Unimplemented(`signature scheme ${codePoint}`);
  return scheme;
}

function clientConfig(flags: ShimFlags, session: Ticket | null): ClientConfig {
  const groups = flags.ints.has('curves') ? groupsOf(flags, 'curves') : DEFAULT_GROUPS;
  const keyShareGroups = flags.bools.has('no-key-shares')
    ? []
    : flags.ints.has('key-shares')
      ? groupsOf(flags, 'key-shares')
      : groups.slice(0, groups[0] === 'X25519MLKEM768' && groups[1] !== undefined ? 2 : 1);
  const handshakeSchemes = flags.ints.get('verify-prefs')?.map(schemeOf) ?? DEFAULT_VERIFY_SCHEMES;
  const { minVersion, maxVersion } = versionsOf(flags);
  return {
    ...defaultClientConfig(nodeCrypto, flags.strings.get('host-name') ?? null, Date.now),
    alpn: lengthPrefixed(flags.strings.get('advertise-alpn') ?? ''),
    groups,
    keyShareGroups,
    minVersion,
    maxVersion,
    tls12Suites: (Object.keys(TLS12_SUITES) as Tls12SuiteName[]).filter((suite) =>
      nodeCrypto.aeads.includes(TLS12_SUITES[suite].aead),
    ),
    session: flags.bools.has('no-ticket') ? null : session,
    signatureSchemes: handshakeSchemes.filter((scheme) => {
      const { inTls13Handshake, inTls12Handshake } = SIGNATURE_SCHEMES[scheme];
      return (maxVersion === 'TLSv1.3' && inTls13Handshake) || (minVersion === 'TLSv1.2' && inTls12Handshake);
    }),
    certificateSignatureSchemes: handshakeSchemes,
    certificateCompressions: compressions(flags),
    requestOcsp: flags.bools.has('enable-ocsp-stapling'),
    recordSizeLimit: null,
    maxFragment: flags.ints.get('max-send-fragment')?.[0] ?? 2 ** 14,
    keepTickets: !flags.bools.has('no-ticket'),
    grease: flags.bools.has('enable-grease'),
  };
}

/** What BoringSSL takes unless told otherwise: the tests count on it. */
const DEFAULT_VERIFY_SCHEMES: SignatureScheme[] = [
  'ecdsa_secp256r1_sha256',
  'rsa_pss_rsae_sha256',
  'rsa_pkcs1_sha256',
  'ecdsa_secp384r1_sha384',
  'rsa_pss_rsae_sha384',
  'rsa_pkcs1_sha384',
  'rsa_pss_rsae_sha512',
  'rsa_pkcs1_sha512',
];

const DEFAULT_GROUPS: NamedGroup[] = ['X25519MLKEM768', 'x25519', 'secp256r1', 'secp384r1'];

function groupsOf(flags: ShimFlags, name: string): NamedGroup[] {
  return (flags.ints.get(name) ?? []).map((codePoint) => {
    const group = groupByCodePoint(codePoint);
    if (group === undefined) throw new Unimplemented(`group ${codePoint}`);
    return group;
  });
}

function compressions(flags: ShimFlags): CertificateCompression[] {
  if (flags.bools.has('install-cert-compression-algs')) throw new Unimplemented('the test-only compression algorithms');
  if (flags.ints.has('install-one-cert-compression-alg')) throw new Unimplemented('a test-only compression algorithm');
  return [];
}

/** The exchange that every test expects: write first if told so, then return each byte inverted until the peer closes. */
class Exchange {
  readonly #connection: Connection;
  readonly #wire: Wire;
  readonly #flags: ShimFlags;
  readonly #plaintext: Bytes[] = [];
  #pending: Bytes = new Uint8Array(0);
  #session: SessionFacts | undefined;
  readonly #keys: KeyHolder;
  readonly #resumes: boolean;
  readonly tickets: Ticket[] = [];
  #peerClosed = false;
  #ended = false;
  #ocsp: Bytes | undefined;

  constructor(connection: Connection, wire: Wire, flags: ShimFlags, resumes: boolean) {
    this.#resumes = resumes;
    this.#keys = keysOf(flags);
    this.#connection = connection;
    this.#wire = wire;
    this.#flags = flags;
  }

  async run(): Promise<void> {
    const flags = this.#flags;
    this.#connection.start();
    await this.#drain();
    while (this.#session === undefined) await this.#read();
    this.#checkSession(this.#session);
    this.#writeFirst();
    await this.#drain();
    if (flags.bools.has('shim-shuts-down')) {
      this.#connection.closeWrite();
      await this.#drain();
      while (!this.#ended && !this.#peerClosed && flags.bools.has('check-close-notify')) await this.#read();
    } else {
      while (!this.#peerClosed && !this.#ended) {
        if (flags.bools.has('key-update-before-read')) this.#connection.updateKeys();
        await this.#echo();
        if (!this.#peerClosed && !this.#ended) await this.#read();
      }
      await this.#echo();
    }
    this.#checkTickets();
    if (!this.#connection.finished) this.#connection.closeWrite();
    await this.#drain();
    if (flags.bools.has('check-close-notify') && !this.#peerClosed)
      throw new Error('the peer did not send close_notify');
  }

  async #echo(): Promise<void> {
    for (let received = this.#plaintext.shift(); received !== undefined; received = this.#plaintext.shift()) {
      const size = this.#flags.ints.get('read-size')?.[0] ?? 512;
      for (let offset = 0; offset < received.length; offset += size) {
        if (this.#flags.bools.has('key-update')) this.#connection.updateKeys();
        this.#connection.send(received.slice(offset, offset + size).map((byte) => byte ^ 0xff));
      }
      await this.#drain();
    }
  }

  #writeFirst(): void {
    const flags = this.#flags;
    const connection = this.#connection;
    const length = flags.ints.get('export-keying-material')?.[0] ?? 0;
    if (length > 0) {
      const context = flags.bools.has('use-export-context') ? ascii(flags.strings.get('export-context') ?? '') : null;
      connection.send(connection.exportKeyingMaterial(flags.strings.get('export-label') ?? '', context, length));
    }
    if (flags.bools.has('export-traffic-secrets')) throw new Unimplemented('export of traffic secrets');
    if (flags.bools.has('write-different-record-sizes')) {
      for (const size of [0, 1, 255, 256, 257, 16383, 16384, 16385, 32767, 32768, 32769])
        connection.send(new Uint8Array(size).fill(0x42));
    } else if (flags.bools.has('shim-writes-first')) {
      const text = ascii(flags.strings.get('shim-initial-write') ?? 'hello');
      for (let times = flags.ints.get('repeat-shim-initial-write')?.[0] ?? 1; times > 0; times--) connection.send(text);
    }
  }

  async #read(): Promise<void> {
    const chunk = await this.#wire.read();
    if (chunk === null) {
      this.#ended = true;
      if (this.#session !== undefined && !this.#peerClosed) return; // an unclean end is the test's to judge
      this.#connection.receiveEnd();
    } else {
      this.#pending = concat(this.#pending, chunk);
      await this.#feed();
    }
    await this.#drain();
  }

  async #feed(): Promise<void> {
    for (let consumed = -1; consumed !== 0 && this.#pending.length > 0; ) {
      consumed = this.#connection.receive(this.#pending);
      this.#pending = this.#pending.slice(consumed);
      await this.#drain();
    }
  }

  async #drain(): Promise<void> {
    for (let output = this.#connection.next(); output !== undefined; output = this.#connection.next()) {
      switch (output.output) {
        case 'network':
          this.#wire.write(output.bytes);
          break;
        case 'plaintext':
          this.#plaintext.push(output.bytes.slice());
          break;
        case 'effect':
          if (this.#flags.bools.has('async')) await new Promise((resolve) => setImmediate(resolve));
          this.#connection.answer(output.id, await this.#perform(output.effect));
          break;
        case 'open':
          this.#session = output.session;
          break;
        case 'key-log':
          break;
        case 'ticket':
          this.tickets.push(output.ticket);
          break;
        case 'peer-closed':
          this.#peerClosed = true;
          break;
        case 'failed':
          throw new Error(`failed: ${output.failure.why}: ${output.failure.detail ?? ''}`);
      }
    }
  }

  async #perform(effect: Effect): Promise<Answer> {
    return performEffect(
      effect,
      nodeCrypto,
      (chain, ocspResponse) => this.#verifyCertificate(chain, ocspResponse),
      this.#keys,
    );
  }

  /** The runner's certificates are not there to be validated: `-verify-fail` says what the verdict shall be. */
  #verifyCertificate(chain: readonly Bytes[], ocspResponse: Bytes | undefined): Answer {
    this.#ocsp = ocspResponse;
    // Without -verify-peer BoringSSL's client looks and goes on.
    if (this.#flags.bools.has('verify-fail') && this.#flags.bools.has('verify-peer'))
      return { answer: 'refused', failure: { kind: 'certificate-rejected', why: 'certificate-unknown-issuer' } };
    const leaf = new X509Certificate(chain[0] as Bytes);
    return {
      answer: 'certificate-accepted',
      spki: new Uint8Array(leaf.publicKey.export({ type: 'spki', format: 'der' })),
      identity: {
        verified: true,
        matched: [],
        subject: leaf.subject,
        spkiSha256: '',
        certificateSha256: '',
        notAfterSeconds: 0,
      },
    };
  }

  #checkSession(session: SessionFacts): void {
    const { ints, strings, bools } = this.#flags;
    const expectResumed = this.#resumes && !bools.has('expect-session-miss');
    if (session.resumed !== expectResumed) throw new Error(`${expectResumed ? 'not ' : ''}resumed`);
    // BoringSSL remembers what the full handshake agreed on; a resumption of TLS 1.2 agrees on no group and is not signed.
    const repeats = session.resumed && session.version === 'TLSv1.2';
    const expectGroup = repeats ? undefined : ints.get('expect-curve-id')?.[0];
    const group = session.group === null ? 0 : NAMED_GROUPS[session.group].codePoint;
    if (expectGroup !== undefined && group !== expectGroup) throw new Error(`group was ${group}, not ${expectGroup}`);
    const expectScheme = repeats ? undefined : ints.get('expect-peer-signature-algorithm')?.[0];
    const scheme = session.signatureScheme === null ? 0 : SIGNATURE_SCHEMES[session.signatureScheme].codePoint;
    if (expectScheme !== undefined && scheme !== expectScheme)
      throw new Error(`scheme was ${scheme}, not ${expectScheme}`);
    const alpn = strings.get('expect-alpn');
    if (alpn !== undefined && session.alpn !== alpn) throw new Error(`ALPN was ${session.alpn}, not ${alpn}`);
    if (bools.has('expect-hrr') && !session.helloRetryRequest) throw new Error('no HelloRetryRequest');
    if (bools.has('expect-no-hrr') && session.helloRetryRequest) throw new Error('unexpected HelloRetryRequest');
    const version = ints.get('expect-version')?.[0];
    const actual = session.version === 'TLSv1.3' ? TLS13 : TLS12;
    if (version !== undefined && version !== actual) throw new Error(`version was ${actual}, not ${version}`);
    const ocsp = repeats ? undefined : strings.get('expect-ocsp-response');
    if (
      ocsp !== undefined &&
      (this.#ocsp === undefined || !equal(this.#ocsp, new Uint8Array(Buffer.from(ocsp, 'base64'))))
    )
      throw new Error('not the expected OCSP response');
  }

  #checkTickets(): void {
    if (this.#session?.version !== 'TLSv1.3' || this.#flags.bools.has('no-ticket')) return;
    const expected = !this.#flags.bools.has('expect-no-session') && !this.#flags.bools.has('shim-shuts-down');
    if (expected !== this.tickets.length > 0)
      throw new Error(`${this.tickets.length} tickets, expected ${expected ? 'some' : 'none'}`);
  }
}

/** A socket that is read when the exchange wants bytes. */
class Wire {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Bytes>;

  static open(port: number, ipv6: boolean): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: ipv6 ? '::1' : '127.0.0.1', allowHalfOpen: true });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new Wire(socket)));
    });
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#socket.on('error', () => {}); // a reset shows as the end of the stream
    this.#chunks = socket[Symbol.asyncIterator]();
  }

  write(bytes: Bytes): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes);
  }

  async read(): Promise<Bytes | null> {
    try {
      const { done, value } = await this.#chunks.next();
      return done ? null : new Uint8Array(value);
    } catch {
      return null;
    }
  }

  /** Half-closes and waits for the runner to have read everything. */
  async close(): Promise<void> {
    this.#socket.end();
    while ((await this.read()) !== null);
  }
}

function number(flags: ShimFlags, name: string): number {
  const value = flags.ints.get(name)?.[0];
  if (value === undefined) throw new Unimplemented(`no -${name}`);
  return value;
}

/** -advertise-alpn is in wire form: a length byte before each name. */
function lengthPrefixed(wire: string): string[] {
  const names: string[] = [];
  for (let offset = 0; offset < wire.length; ) {
    const length = wire.charCodeAt(offset);
    names.push(wire.slice(offset + 1, offset + 1 + length));
    offset += 1 + length;
  }
  return names;
}

if (process.argv.includes('-is-handshaker-supported')) {
  console.log('No');
  process.exit(0);
}
try {
  await runConnections(parseFlags(process.argv.slice(2)));
  process.exit(0);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(error instanceof Unimplemented ? 89 : 1);
}
