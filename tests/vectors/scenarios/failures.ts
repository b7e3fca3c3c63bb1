import { ascii, type Bytes, concat, EMPTY } from '../../../src/core/bytes.ts';
import { FAILURES, TlsError, type Why } from '../../../src/core/failures.ts';
import { LIMITS } from '../../../src/core/limits.ts';
import {
  encodeCodePoints,
  encodeKeyShares,
  encodePskModes,
  encodeServerName,
} from '../../../src/engine/codec/extensions.ts';
import {
  type ClientHello,
  decodeClientHello,
  encodeCertificate,
  encodeCertificateVerify,
  encodeClientHello,
  encodeFinished,
} from '../../../src/engine/codec/messages.ts';
import { encodeCertificate12 } from '../../../src/engine/codec/messages12.ts';
import { encodeOfferedPsks } from '../../../src/engine/codec/pre-shared-key.ts';
import { CONTENT_TYPE, EXTENSION, HANDSHAKE_TYPE, SIGNALING_SUITE } from '../../../src/engine/codec/registry.ts';
import { AFTER_ATTACKS } from '../../support/attacks/after.ts';
import type { Attack } from '../../support/attacks/attack.ts';
import { FLIGHT_ATTACKS } from '../../support/attacks/flight.ts';
import { HELLO_ATTACKS } from '../../support/attacks/hello.ts';
import { RECORD_ATTACKS } from '../../support/attacks/records.ts';
import { CLIENT_ATTACKS12 } from '../../support/attacks/tls12-client.ts';
import {
  FLIGHT_ATTACKS12,
  HELLO_ATTACKS12,
  OPEN_ATTACKS12,
  RENEGOTIATIONS,
} from '../../support/attacks/tls12-server.ts';
import { heldCredential, plainRecord, withExtensions } from '../../support/pair13.ts';
import { softwareKeys } from '../../support/software-keys.ts';
import { KEYS as KEYS12, message, type Attack as Tls12Attack } from '../../support/tls12-attacks.ts';
import type { Scenario, Scene } from '../scenario.ts';

const CLIENT_KEYS = softwareKeys([heldCredential('ed25519', 'client')]);

/** Chains of many bytes, where a few do as well. */
const TOO_LONG: Readonly<Record<string, Scene>> = {
  'TLSv1.3': {
    script: {
      certificate: () => encodeCertificate({ context: EMPTY, entries: entries(LIMITS.certificateEntries + 1) }),
    },
  },
  'TLSv1.2': {
    tamperServer: message(HANDSHAKE_TYPE.certificate, () =>
      encodeCertificate12(entries(LIMITS.certificateEntries + 1).map(({ certificate }) => certificate)),
    ),
  },
};

const set = (changes: Readonly<Record<number, Bytes | null>>) => (hello: ClientHello) => withExtensions(hello, changes);
const offering = (changes: Readonly<Record<number, Bytes | null>>): Scene => ({ offers: set(changes) });
const share = (group: number, bytes: number) => ({ group, share: new Uint8Array(bytes).fill(9) });
const PSK = encodeOfferedPsks({
  identities: [{ identity: ascii('ticket'), obfuscatedTicketAge: 1 }],
  binders: [new Uint8Array(32)],
});
const CERTIFIED: Scene = { server: { clientCertificate: 'required' }, clientKeys: CLIENT_KEYS };
const X25519 = 0x001d;
const OTHER_NAME = encodeServerName(ascii('other.test'));
const EMPTY_LIST = encodeKeyShares([]);

/** Wrong turns of a client of TLS 1.3, and why the server fails. */
const TO_A_SERVER: Readonly<Record<string, readonly [Why, Scene]>> = {
  'a web client without TLS': ['not-tls', { toServer: () => [ascii('GET / HTTP/1.1\r\n\r\n')] }],
  'another major version in a record': ['bad-record-version', { toServer: second(Uint8Array.of(22, 2, 0, 0, 0)) }],
  'a record that is too long': ['record-overflow', { toServer: () => [Uint8Array.of(22, 3, 1, 0x40, 1)] }],
  'application data before the handshake': [
    'unexpected-record',
    { toServer: () => [plainRecord(CONTENT_TYPE.application_data, ascii('early'))] },
  ],
  'an alert of one byte': ['bad-alert', { toServer: () => [plainRecord(CONTENT_TYPE.alert, Uint8Array.of(1))] }],
  'an alert of a third level': [
    'unknown-alert-level',
    { toServer: () => [plainRecord(CONTENT_TYPE.alert, Uint8Array.of(3, 40))] },
  ],
  'warnings without end': [
    'too-many-warnings',
    { toServer: () => new Array(LIMITS.warningAlerts + 1).fill(plainRecord(CONTENT_TYPE.alert, Uint8Array.of(1, 90))) },
  ],
  'an empty handshake record': ['empty-record', { toServer: () => [plainRecord(CONTENT_TYPE.handshake, EMPTY)] }],
  'a record that does not decrypt': [
    'bad-record-mac',
    { toServer: (bytes) => [isHello(bytes) ? bytes : lastBitFlipped(bytes)] },
  ],
  'another message than ClientHello': [
    'unexpected-message',
    { toServer: () => [plainRecord(CONTENT_TYPE.handshake, encodeFinished(new Uint8Array(32)))] },
  ],
  'a ClientHello that says that it is too long': [
    'message-too-large',
    { toServer: () => [plainRecord(CONTENT_TYPE.handshake, Uint8Array.of(1, 1, 0, 1))] },
  ],
  'more in the record of the ClientHello': [
    'unaligned-key-change',
    { toServer: (bytes) => [plainRecord(CONTENT_TYPE.handshake, concat(bytes.subarray(5), Uint8Array.of(11)))] },
  ],
  'a ClientHello without an end': ['decode-error', offering({ [EXTENSION.early_data]: Uint8Array.of(0) })],
  'a ClientHello of TLS 1.2, where that is off': [
    'version-not-supported',
    offering({ [EXTENSION.supported_versions]: null }),
  ],
  'a client that fell back': [
    'inappropriate-fallback',
    {
      offers: (hello) => ({
        ...withExtensions(hello, { [EXTENSION.supported_versions]: null }),
        cipherSuites: [...hello.cipherSuites, SIGNALING_SUITE.fallback],
      }),
    },
  ],
  'compression methods': [
    'illegal-parameter',
    { offers: (hello) => ({ ...hello, compressionMethods: Uint8Array.of(0, 1) }) },
  ],
  'no suite of ours': ['no-common-suite', { offers: (hello) => ({ ...hello, cipherSuites: [0x1304] }) }],
  'no group of ours': ['no-common-group', offering({ [EXTENSION.supported_groups]: encodeCodePoints([0x0100]) })],
  'no scheme that the key has': [
    'no-common-signature-scheme',
    { client: { signatureSchemes: ['rsa_pss_rsae_sha256'] } },
  ],
  'no protocol of ours': ['no-common-alpn', { client: { alpn: ['h2'] }, server: { alpn: ['http/1.1'] } }],
  'a name of nobody here': [
    'unrecognized-name',
    {
      client: { serverName: 'other.test' },
      serverKeys: softwareKeys([{ ...heldCredential('ed25519'), names: ['localhost'] }]),
    },
  ],
  'no signature_algorithms': ['missing-extension', offering({ [EXTENSION.signature_algorithms]: null })],
  'two shares of one group': [
    'duplicate-key-share',
    offering({ [EXTENSION.key_share]: encodeKeyShares([share(X25519, 32), share(X25519, 32)]) }),
  ],
  'a share that agrees on zero': [
    'bad-key-share',
    offering({ [EXTENSION.key_share]: encodeKeyShares([{ group: X25519, share: new Uint8Array(32) }]) }),
  ],
  'pre_shared_key before another extension': [
    'pre-shared-key-not-last',
    offering({
      [EXTENSION.pre_shared_key]: PSK,
      [EXTENSION.psk_key_exchange_modes]: encodePskModes([1]),
      65000: EMPTY,
    }),
  ],
  'early data without end': [
    'too-much-early-data',
    {
      offers: set({ [EXTENSION.early_data]: EMPTY }),
      toServer: second(
        plainRecord(CONTENT_TYPE.application_data, new Uint8Array(LIMITS.earlyDataSkippedBytes)),
        plainRecord(CONTENT_TYPE.application_data, new Uint8Array(17)),
      ),
    },
  ],
  'another name in the second ClientHello': [
    'changed-client-hello',
    {
      client: { keyShareGroups: [] },
      tamperClient: message(HANDSHAKE_TYPE.client_hello, (whole) => {
        const hello = decodeClientHello(whole.subarray(4));
        const isFirst = hello.extensions.get(EXTENSION.key_share)?.length === EMPTY_LIST.length;
        return isFirst ? whole : encodeClientHello(set({ [EXTENSION.server_name]: OTHER_NAME })(hello));
      }),
    },
  ],
  'no certificate where one is required': ['client-certificate-missing', { server: { clientCertificate: 'required' } }],
  'an extension in Certificate that was not asked for': [
    'unsolicited-extension',
    {
      ...CERTIFIED,
      tamperClient: message(HANDSHAKE_TYPE.certificate, () =>
        encodeCertificate({
          context: EMPTY,
          entries: [{ certificate: Uint8Array.of(0x30), extensions: new Map([[EXTENSION.status_request, EMPTY]]) }],
        }),
      ),
    },
  ],
  'a signature of somebody else': [
    'bad-signature',
    { ...CERTIFIED, tamperClient: message(HANDSHAKE_TYPE.certificate_verify, lastBitFlipped) },
  ],
  'a scheme for another kind of key': [
    'wrong-signature-scheme',
    {
      ...CERTIFIED,
      tamperClient: message(HANDSHAKE_TYPE.certificate_verify, () =>
        encodeCertificateVerify({ scheme: 0x0403, signature: new Uint8Array(64) }),
      ),
    },
  ],
  'a certificate that the verifier refuses': [
    'certificate-expired',
    { ...CERTIFIED, serverVerifier: () => refused('certificate-expired') },
  ],
  'a Finished of another handshake': [
    'bad-finished',
    { tamperClient: message(HANDSHAKE_TYPE.finished, lastBitFlipped) },
  ],
  'key updates without end': [
    'too-many-key-updates',
    {
      pins: 'server',
      afterwards: async ({ client, server, exchange }) => {
        for (let count = 0; count <= LIMITS.keyUpdates; count++) {
          client.connection.updateKeys();
          await exchange();
          if (server.failure !== undefined) return;
          server.connection.send(ascii('.'));
          await exchange();
        }
      },
    },
  ],
  'a fatal alert': ['alert-received', { clientVerifier: () => refused('certificate-unknown-issuer') }],
  'the end of the network in the handshake': [
    'closed-in-handshake',
    { toClient: () => [], afterwards: ({ server }) => server.connection.receiveEnd() },
  ],
  'the end of the network without close_notify': [
    'truncated',
    { afterwards: ({ server }) => server.connection.receiveEnd() },
  ],
};

/** A client with a ticket that is not its own. */
const BAD_BINDER: Scenario = {
  version: 'TLSv1.3',
  connections: [
    { client: { keepTickets: true }, server: { ticketLifetimeSeconds: 60, ticketCount: 1 } },
    {
      client: { keepTickets: true },
      server: { ticketLifetimeSeconds: 60, ticketCount: 1 },
      pins: 'server',
      fails: 'bad-binder',
      offers: (hello) => ({
        ...hello,
        extensions: new Map(
          [...hello.extensions].map(([code, body]) => [
            code,
            code === EXTENSION.pre_shared_key ? lastBitFlipped(body) : body,
          ]),
        ),
      }),
    },
  ],
};

/** A client whose ticket is good, and whose share is not. */
const SHORT_SHARE: Scenario = {
  version: 'TLSv1.3',
  connections: [
    { client: { keepTickets: true }, server: { ticketLifetimeSeconds: 60, ticketCount: 1 } },
    {
      client: { keepTickets: true },
      server: { ticketLifetimeSeconds: 60, ticketCount: 1 },
      pins: 'server',
      fails: 'bad-key-share',
      offers: set({ [EXTENSION.key_share]: encodeKeyShares([share(X25519, 31)]) }),
    },
  ],
};

const SERVER_ATTACKS: Readonly<Record<string, Attack>> = {
  ...HELLO_ATTACKS,
  ...FLIGHT_ATTACKS,
  ...RECORD_ATTACKS,
  ...AFTER_ATTACKS,
};

/** One scenario for each reason that each role of each version can be given to fail. */
export const FAILURE_SCENARIOS: Readonly<Record<string, Scenario>> = {
  ...named('TLS 1.3, to a client', firstOfEach(SERVER_ATTACKS), (attack) => ({
    version: 'TLSv1.3',
    connections: [
      { ...scriptedScene(attack), ...(attack.why === 'certificate-chain-too-long' ? TOO_LONG['TLSv1.3'] : {}) },
    ],
  })),
  ...Object.fromEntries(
    Object.entries(TO_A_SERVER).map(([name, [why, scene]]) => [
      `TLS 1.3, to a server: ${name}: ${why}`,
      { version: 'TLSv1.3', connections: [{ pins: 'server', ...scene, fails: why }] } satisfies Scenario,
    ]),
  ),
  'TLS 1.3, to a server: the binder of another ticket: bad-binder': BAD_BINDER,
  'TLS 1.3, to a server: a ticket with a share that is too short: bad-key-share': SHORT_SHARE,
  ...named(
    'TLS 1.2, to a client',
    firstOfEach({ ...HELLO_ATTACKS12, ...FLIGHT_ATTACKS12, ...RENEGOTIATIONS, ...OPEN_ATTACKS12 }),
    (attack) => ({
      version: 'TLSv1.2',
      connections: [
        {
          ...tls12Scene(attack, 'client'),
          ...(attack.why === 'certificate-chain-too-long' ? TOO_LONG['TLSv1.2'] : {}),
        },
      ],
    }),
  ),
  ...named('TLS 1.2, to a server', firstOfEach(CLIENT_ATTACKS12), (attack) => ({
    version: 'TLSv1.2',
    connections: [tls12Scene(attack, 'server')],
  })),
  'TLS 1.2, to a server: no certificate where one is required: tls12-client-certificate-missing': {
    version: 'TLSv1.2',
    connections: [
      { server: { clientCertificate: 'required' }, pins: 'server', fails: 'tls12-client-certificate-missing' },
    ],
  },
  ...Object.fromEntries(
    (Object.keys(FAILURES) as Why[])
      .filter((why) => FAILURES[why].kind === 'certificate-rejected' && why !== 'certificate-chain-too-long')
      .map((why) => [
        `a verifier refuses the certificate of a server: ${why}`,
        {
          version: 'TLSv1.2',
          connections: [{ clientVerifier: () => refused(why), pins: 'client', fails: why }],
        } satisfies Scenario,
      ]),
  ),
};

function refused(why: Why) {
  return { answer: 'refused', failure: new TlsError(why).failure } as const;
}

function firstOfEach<A extends { readonly why: Why }>(attacks: Readonly<Record<string, A>>): [string, A][] {
  const seen = new Set<Why>();
  return Object.entries(attacks).filter(([, { why }]) => !seen.has(why) && seen.add(why));
}

function named<A extends { readonly why: Why }>(
  victim: string,
  attacks: readonly (readonly [string, A])[],
  scenarioOf: (attack: A) => Scenario,
): Record<string, Scenario> {
  return Object.fromEntries(attacks.map(([name, attack]) => [`${victim}: ${name}: ${attack.why}`, scenarioOf(attack)]));
}

function scriptedScene({ why, script, config, verifier, afterwards }: Attack): Scene {
  return {
    client: { certificateCompressions: ['zlib'], ...config },
    script: script ?? {},
    fails: why,
    afterwards: ({ client, scripted }) => afterwards?.({ client, server: scripted }),
    ...(verifier === undefined ? {} : { clientVerifier: verifier }),
  };
}

function tls12Scene(attack: Tls12Attack, victim: 'client' | 'server'): Scene {
  const { why, client, server, afterwards, clientKeys, serverKeys, tamperClient, tamperServer } = attack;
  return {
    client: { maxVersion: 'TLSv1.3', keepTickets: true, ...client },
    server: { ticketLifetimeSeconds: 7200, ...server },
    serverKeys: serverKeys ?? KEYS12,
    ...(clientKeys === undefined ? {} : { clientKeys }),
    ...(tamperClient === undefined ? {} : { tamperClient }),
    ...(tamperServer === undefined ? {} : { tamperServer }),
    pins: victim,
    fails: why,
    afterwards: (stage) => afterwards?.(stage),
  };
}

function entries(count: number) {
  return Array.from({ length: count }, () => ({ certificate: Uint8Array.of(0x30), extensions: new Map() }));
}

function lastBitFlipped(bytes: Bytes): Bytes {
  return bytes.map((byte, at) => (at === bytes.length - 1 ? byte ^ 1 : byte));
}

function isHello(bytes: Bytes): boolean {
  return bytes[0] === CONTENT_TYPE.handshake;
}

/** In place of what follows the ClientHello. */
function second(...records: readonly Bytes[]): (bytes: Bytes) => readonly Bytes[] {
  return (bytes) => (isHello(bytes) ? [bytes] : records);
}
