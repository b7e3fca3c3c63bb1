import { brotliCompressSync, deflateSync } from 'node:zlib';
import { ascii, type Bytes, concat, EMPTY } from '../../../src/core/bytes.ts';
import { TlsError } from '../../../src/core/failures.ts';
import type { Tls13SuiteName } from '../../../src/crypto/cipher-suites.ts';
import type { NamedGroup, SignatureScheme } from '../../../src/crypto/provider.ts';
import type { ClientHello } from '../../../src/engine/codec/messages.ts';
import { CONTENT_TYPE, EXTENSION } from '../../../src/engine/codec/registry.ts';
import { certificateBody } from '../../../src/engine/own-certificate.ts';
import { padToMultipleOf } from '../../../src/engine/record/outgoing.ts';
import type { KeyKind } from '../../support/keys.ts';
import { heldCredential, plainRecord } from '../../support/pair13.ts';
import { type HeldCredential, softwareKeys } from '../../support/software-keys.ts';
import { RECORDED_AT_MS, type Scenario, type Scene } from '../scenario.ts';

const one = (scene: Scene): Scenario => ({ version: 'TLSv1.3', connections: [scene] });
const two = (first: Scene, second: Scene): Scenario => ({ version: 'TLSv1.3', connections: [first, second] });

const SUITES: readonly Tls13SuiteName[] = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
];
/** But for the usual one. */
const GROUPS: readonly NamedGroup[] = ['X25519MLKEM768', 'SecP256r1MLKEM768', 'secp256r1', 'secp384r1', 'secp521r1'];
const KEYS: readonly KeyKind[] = ['p256', 'p384', 'p521', 'rsa-2048'];

/** What a client must accept of a server with such a key. */
const SIGNING: Readonly<Record<string, readonly SignatureScheme[]>> = {
  'p256': ['ecdsa_secp256r1_sha256'],
  'p384': ['ecdsa_secp384r1_sha384'],
  'p521': ['ecdsa_secp521r1_sha512'],
  'rsa-2048': ['rsa_pss_rsae_sha256'],
};

const CLIENT_KEYS = softwareKeys([heldCredential('ed25519', 'client')]);
const STAPLED: HeldCredential = { ...heldCredential('ed25519'), ocspResponse: ascii('an OCSP response') };
const AUTHORITIES = [Uint8Array.of(0x30, 0x00)];

const CCS = Uint8Array.of(CONTENT_TYPE.change_cipher_spec, 3, 3, 0, 1, 1);

/** What a caller of ours does after a first connection that kept its ticket. */
const TICKETS: Scene = { client: { keepTickets: true }, server: { ticketLifetimeSeconds: 3600, ticketCount: 1 } };
const laterBy = (seconds: number): Scene => {
  const now = () => RECORDED_AT_MS + 1000 * seconds;
  return { client: { ...TICKETS.client, now }, server: { ...TICKETS.server, now } };
};

/** What goes as RFC 8446 has it. */
export const TLS13_SCENARIOS: Readonly<Record<string, Scenario>> = {
  ...Object.fromEntries(
    SUITES.map((suite) => [
      `TLS 1.3: a full handshake with ${suite}`,
      one({ client: { suites: [suite] }, server: { suites: [suite] } }),
    ]),
  ),
  ...Object.fromEntries(
    GROUPS.map((group) => [
      `TLS 1.3: a full handshake with ${group}`,
      one({ client: { groups: [group], keyShareGroups: [group] }, server: { groups: [group] } }),
    ]),
  ),
  ...Object.fromEntries(
    KEYS.map((key) => [
      `TLS 1.3: a server with a key of type ${key}`,
      one({
        client: { signatureSchemes: SIGNING[key] ?? [] },
        serverKeys: softwareKeys([heldCredential(key)]),
      }),
    ]),
  ),
  'TLS 1.3: the defaults of both ends, GREASE and all': one({
    client: { grease: true, ech: 'grease' },
    server: { grease: true },
  }),
  "TLS 1.3: ChaCha20-Poly1305 for a client that prefers it, against the server's order": one({
    client: { suites: ['TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'] },
  }),

  // HelloRetryRequest

  'TLS 1.3: a HelloRetryRequest, with the state kept': one({
    client: { keyShareGroups: ['secp256r1'] },
    server: { groups: ['x25519'] },
  }),
  'TLS 1.3: a HelloRetryRequest, with all state in the cookie': one({
    client: { keyShareGroups: ['secp256r1'] },
    server: { groups: ['x25519'], statelessRetry: true },
  }),
  'TLS 1.3: a HelloRetryRequest for a client that sends no share': one({ client: { keyShareGroups: [] } }),
  'TLS 1.3: a HelloRetryRequest with nothing but a cookie': one({
    script: { retry: { cookie: ascii('a cookie') } },
    afterwards: sayGoodbye,
  }),

  // Resumption

  'TLS 1.3: a resumption with a PSK and (EC)DHE': two(TICKETS, laterBy(60)),
  'TLS 1.3: a resumption with SHA-384': two(
    { ...TICKETS, server: { ...TICKETS.server, suites: ['TLS_AES_256_GCM_SHA384'] } },
    { ...TICKETS, server: { ...TICKETS.server, suites: ['TLS_AES_256_GCM_SHA384'] } },
  ),
  'TLS 1.3: a resumption after a HelloRetryRequest': two(TICKETS, {
    ...TICKETS,
    client: { ...TICKETS.client, keyShareGroups: ['secp256r1'] },
    server: { ...TICKETS.server, groups: ['x25519'] },
  }),
  'TLS 1.3: a resumption keeps the identity of the client': two(
    { ...TICKETS, server: { ...TICKETS.server, clientCertificate: 'required' }, clientKeys: CLIENT_KEYS },
    { ...TICKETS, server: { ...TICKETS.server, clientCertificate: 'required' } },
  ),
  'TLS 1.3: a ticket that its keeper does not know makes a full handshake': two(TICKETS, {
    ...TICKETS,
    serverKeys: softwareKeys([heldCredential('ed25519')]),
  }),
  'TLS 1.3: a ticket of another certificate policy makes a full handshake': two(TICKETS, {
    ...TICKETS,
    server: { ...TICKETS.server, certificatePolicy: 'other' },
  }),
  'TLS 1.3: a ticket of another protocol makes a full handshake': two(
    { client: { ...TICKETS.client, alpn: ['h2'] }, server: { ...TICKETS.server, alpn: ['h2'] } },
    { client: { ...TICKETS.client, alpn: ['h2', 'http/1.1'] }, server: { ...TICKETS.server, alpn: ['http/1.1'] } },
  ),
  'TLS 1.3: a ticket that is too old is not offered': two(TICKETS, laterBy(3600)),
  'TLS 1.3: no ticket for a client that names no PSK mode': one({ server: { ticketLifetimeSeconds: 3600 } }),
  'TLS 1.3: a keeper that seals no tickets leaves the connection as it is': one({
    ...TICKETS,
    serverKeys: {
      ...softwareKeys([heldCredential('ed25519')]),
      sealTicket: () => ({ answer: 'refused', failure: new TlsError('internal-error').failure }),
    },
  }),

  // Certificates

  'TLS 1.3: a client certificate is required, and given': one({
    server: { clientCertificate: 'required', certificateAuthorities: AUTHORITIES },
    clientKeys: CLIENT_KEYS,
  }),
  'TLS 1.3: a client certificate is asked for, and there is none': one({ server: { clientCertificate: 'optional' } }),
  'TLS 1.3: the client has certificate_authorities': one({ client: { certificateAuthorities: AUTHORITIES } }),
  'TLS 1.3: a compressed certificate': one({
    client: { certificateCompressions: ['brotli', 'zlib'] },
    serverKeys: softwareKeys([compressedBy('brotli')]),
  }),
  'TLS 1.3: a compressed client certificate': one({
    server: { clientCertificate: 'required', certificateCompressions: ['zlib'] },
    clientKeys: softwareKeys([compressedBy('zlib')]),
  }),
  'TLS 1.3: a stapled OCSP response': one({ serverKeys: softwareKeys([STAPLED]) }),
  'TLS 1.3: no staple for a client that did not ask': one({
    client: { requestOcsp: false },
    serverKeys: softwareKeys([STAPLED]),
  }),
  'TLS 1.3: the certificate for the name that the client asked for': one({
    client: { serverName: 'b.test' },
    serverKeys: softwareKeys([
      { ...heldCredential('ed25519', 'a.test'), names: ['a.test'] },
      { ...heldCredential('p256', 'b.test'), names: ['b.test'] },
    ]),
  }),
  'TLS 1.3: a client without a name': one({ client: { serverName: null } }),

  // Extensions and records

  'TLS 1.3: ALPN, by the preference of the server': one({
    client: { alpn: ['http/1.1', 'h2'] },
    server: { alpn: ['h2', 'http/1.1'] },
  }),
  'TLS 1.3: a server without protocols ignores ALPN': one({ client: { alpn: ['h2'] } }),
  'TLS 1.3: record_size_limit of both ends': one({
    client: { recordSizeLimit: 64 },
    server: { recordSizeLimit: 100 },
    serverKeys: softwareKeys([heldCredential('ed25519')]),
    afterwards: async ({ client, server, exchange }) => {
      client.connection.send(new Uint8Array(150).fill(0x61));
      server.connection.send(new Uint8Array(150).fill(0x62));
      await exchange();
    },
  }),
  'TLS 1.3: the largest fragment that an end wants to send': one({ client: { maxFragment: 100 } }),
  'TLS 1.3: padding hides lengths': one({
    client: { padding: padToMultipleOf(64) },
    server: { padding: padToMultipleOf(128) },
  }),
  'TLS 1.3: change_cipher_spec for middleboxes is dropped wherever it may come': one({
    toServer: (bytes) => (bytes[0] === CONTENT_TYPE.handshake ? [bytes, CCS, CCS] : [bytes]),
    toClient: (bytes) => (bytes[0] === CONTENT_TYPE.handshake ? [CCS, bytes] : [bytes]),
  }),
  'TLS 1.3: an end hears its peer byte by byte': one({
    toServer: (bytes) => [...bytes].map((byte) => Uint8Array.of(byte)),
    toClient: (bytes) => [...bytes].map((byte) => Uint8Array.of(byte)),
  }),
  'TLS 1.3: messages of a flight cut over many records': one({
    script: { fragmentBytes: 100 },
    afterwards: sayGoodbye,
  }),
  'TLS 1.3: early data is skipped': one({
    client: { keepTickets: true },
    offers: withEarlyData,
    toServer: afterTheFirst(plainRecord(CONTENT_TYPE.application_data, new Uint8Array(50).fill(1))),
  }),
  'TLS 1.3: early data is skipped after a HelloRetryRequest': one({
    client: { keyShareGroups: [] },
    offers: withEarlyData,
    toServer: afterTheFirst(plainRecord(CONTENT_TYPE.application_data, new Uint8Array(50).fill(1))),
  }),

  // The open connection

  'TLS 1.3: new keys that the client asks for': one({
    afterwards: async ({ client, server, exchange }) => {
      client.connection.updateKeys();
      await exchange();
      client.connection.send(ascii('under the new keys'));
      server.connection.send(ascii('here too'));
    },
  }),
  'TLS 1.3: new keys that the server asks for': one({
    afterwards: async ({ client, server, exchange }) => {
      server.connection.updateKeys();
      server.connection.updateKeys();
      await exchange();
      client.connection.send(ascii('under the new keys'));
    },
  }),
  'TLS 1.3: new keys of the server that ask for none of ours': one({
    script: {},
    afterwards: ({ scripted }) => {
      scripted.updateKeys('update_not_requested').data(ascii('under the new keys')).alert(1, 'close_notify');
    },
  }),
  'TLS 1.3: one KeyUpdate answers several that came together': one({
    script: {},
    afterwards: async ({ scripted, client, exchange }) => {
      scripted.updateKeys('update_requested').updateKeys('update_requested').data(ascii('twice new'));
      await exchange();
      client.connection.send(ascii('once new'));
    },
  }),
  'TLS 1.3: an end changes its keys before they are worn out': one({
    client: { recordsPerKey: 3 },
    afterwards: ({ client }) => {
      for (const text of ['one', 'two', 'three', 'four', 'five']) client.connection.send(ascii(text));
    },
  }),
  'TLS 1.3: a half-close lets the peer finish what it says': one({
    afterwards: async ({ client, server, exchange }) => {
      client.connection.send(ascii('a question'));
      client.connection.closeWrite();
      await exchange();
      server.connection.send(ascii('a long answer'));
      await exchange();
      server.connection.send(ascii('and its end'));
      server.connection.closeWrite();
    },
  }),
  'TLS 1.3: what follows a close_notify is ignored': one({
    script: {},
    afterwards: ({ scripted }) => {
      scripted.data(ascii('before')).alert(1, 'close_notify').data(ascii('behind'));
    },
  }),
  'TLS 1.3: user_canceled is no reason to fail': one({
    script: {},
    afterwards: ({ scripted }) => {
      scripted.alert(1, 'user_canceled').alert(1, 'close_notify');
    },
  }),
  'TLS 1.3: an end that gives up says user_canceled and close_notify': one({
    afterwards: ({ client }) => client.connection.abort(),
    fails: 'aborted',
  }),
  'TLS 1.3: an exporter': one({
    afterwards: ({ client, server }) => {
      for (const { connection } of [client, server])
        connection.exportKeyingMaterial('EXPORTER-tlsify-test', ascii('a context'), 32);
    },
  }),
  'TLS 1.3: the lines of a key log, where it was asked for': one({
    client: { insecureKeyLog: true },
    server: { insecureKeyLog: true },
  }),
};

function compressedBy(algorithm: 'brotli' | 'zlib'): HeldCredential {
  const held = heldCredential('ed25519');
  const body = certificateBody({ ...held, key: '' }, false);
  const compressed = new Uint8Array(algorithm === 'brotli' ? brotliCompressSync(body) : deflateSync(body));
  return { ...held, compressed: [{ algorithm, stapled: false, uncompressedBytes: body.length, compressed }] };
}

function withEarlyData(hello: ClientHello): ClientHello {
  return { ...hello, extensions: new Map([...hello.extensions, [EXTENSION.early_data, EMPTY]]) };
}

/** Behind the first ClientHello. */
function afterTheFirst(record: Bytes): (bytes: Bytes) => readonly Bytes[] {
  return (bytes) => [bytes[0] === CONTENT_TYPE.handshake ? concat(bytes, record) : bytes];
}

function sayGoodbye({
  scripted,
}: {
  readonly scripted: { alert(level: number, name: 'close_notify'): unknown };
}): void {
  scripted.alert(1, 'close_notify');
}
