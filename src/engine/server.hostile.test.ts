import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { carry } from '../../tests/support/carry.ts';
import type { ConnectionDriver } from '../../tests/support/connection-driver.ts';
import {
  clientHello,
  converse13,
  heldCredential,
  pair13,
  plainRecord,
  type Sides13,
  serverHearing,
  withExtensions,
} from '../../tests/support/pair13.ts';
import { softwareKeys } from '../../tests/support/software-keys.ts';
import type { Tamper } from '../../tests/support/tls12.ts';
import { ALERT } from '../core/alerts.ts';
import { ascii, type Bytes, concat, EMPTY } from '../core/bytes.ts';
import { FAILURES, type Why } from '../core/failures.ts';
import { LIMITS } from '../core/limits.ts';
import {
  encodeCodePoints,
  encodeKeyShares,
  encodePskModes,
  encodeServerName,
  encodeShortCodePoints,
  encodeU16,
} from './codec/extensions.ts';
import {
  type ClientHello,
  decodeClientHello,
  encodeCertificate,
  encodeCertificateVerify,
  encodeClientHello,
  encodeFinished,
  encodeNewSessionTicket,
} from './codec/messages.ts';
import { encodeOfferedPsks } from './codec/pre-shared-key.ts';
import { CONTENT_TYPE, EXTENSION, HANDSHAKE_TYPE, SIGNALING_SUITE, VERSION } from './codec/registry.ts';

const whyOf = ({ failure }: ConnectionDriver): Why | undefined => failure?.why;

/** Holds a server's failure against what was expected, and the alert in the clear that it ended with. */
function failedWith(server: ConnectionDriver, why: Why): void {
  assert.equal(server.failure?.why, why);
  assert.equal(server.failure.kind, FAILURES[why].kind);
  assert.equal(server.connection.phase, 'failed');
  assert.equal(server.log.filter((output) => output === 'failed').length, 1);
  const { alert } = FAILURES[why];
  const sent = server.takeNetwork();
  assert.ok(alert !== null);
  assert.deepEqual(sent.subarray(-7), plainRecord(CONTENT_TYPE.alert, Uint8Array.of(2, ALERT[alert])));
}

const set = (changes: Readonly<Record<number, Bytes | null>>) => (hello: ClientHello) => withExtensions(hello, changes);
const share = (group: number, bytes: number) => ({ group, share: new Uint8Array(bytes).fill(9) });
const identity = { identity: ascii('ticket'), obfuscatedTicketAge: 1 };
const binder = new Uint8Array(32);
const psk = (identities: number, binders: number): Bytes =>
  encodeOfferedPsks({
    identities: new Array(identities).fill(identity),
    binders: new Array(binders).fill(binder),
  });
const withPsks = (psks: Bytes) => (hello: ClientHello) =>
  set({ [EXTENSION.pre_shared_key]: psks })(set({ [EXTENSION.psk_key_exchange_modes]: encodePskModes([1]) })(hello));
const X25519 = 0x001d;

describe('a ClientHello', () => {
  const cases: Readonly<Record<string, readonly [Why, (hello: ClientHello) => ClientHello, Sides13?]>> = {
    'of an older version': [
      'version-not-supported',
      (hello) => ({ ...set({ [EXTENSION.supported_versions]: null })(hello), legacyVersion: 0x0302 }),
    ],
    'of TLS 1.2, where that is off': ['version-not-supported', set({ [EXTENSION.supported_versions]: null })],
    'of versions that nobody speaks': [
      'version-not-supported',
      set({ [EXTENSION.supported_versions]: encodeShortCodePoints([0x0a0a, 0x0305]) }),
    ],
    'of a client that fell back from this version': [
      'inappropriate-fallback',
      (hello) => ({
        ...set({ [EXTENSION.supported_versions]: encodeShortCodePoints([VERSION.tls12]) })(hello),
        cipherSuites: [...hello.cipherSuites, SIGNALING_SUITE.fallback],
      }),
    ],
    'with compression methods': [
      'illegal-parameter',
      (hello) => ({ ...hello, compressionMethods: Uint8Array.of(0, 1) }),
    ],
    'without the null compression': [
      'illegal-parameter',
      (hello) => ({ ...hello, compressionMethods: Uint8Array.of(1) }),
    ],
    'without a suite of ours': [
      'no-common-suite',
      (hello) => ({ ...hello, cipherSuites: [0x1301, 0xffff] }),
      {
        server: { suites: ['TLS_AES_256_GCM_SHA384'] },
      },
    ],
    'without supported_groups': ['missing-extension', set({ [EXTENSION.supported_groups]: null })],
    'without key_share': ['missing-extension', set({ [EXTENSION.key_share]: null })],
    'without signature_algorithms': ['missing-extension', set({ [EXTENSION.signature_algorithms]: null })],
    'with schemes for certificates alone': [
      'no-common-signature-scheme',
      set({ [EXTENSION.signature_algorithms]: encodeCodePoints([0x0401, 0x0201]) }),
    ],
    'with schemes that the key has not': [
      'no-common-signature-scheme',
      set({ [EXTENSION.signature_algorithms]: encodeCodePoints([0x0804]) }),
    ],
    'without a group of ours': [
      'no-common-group',
      set({ [EXTENSION.supported_groups]: encodeCodePoints([0x0100, 0x0a0a]) }),
    ],
    'with two shares of a group': [
      'duplicate-key-share',
      set({ [EXTENSION.key_share]: encodeKeyShares([share(X25519, 32), share(X25519, 32)]) }),
    ],
    'with a share of the wrong length': [
      'bad-key-share',
      set({ [EXTENSION.key_share]: encodeKeyShares([share(X25519, 31)]) }),
    ],
    'with the share of a small order': [
      'bad-key-share',
      set({ [EXTENSION.key_share]: encodeKeyShares([{ group: X25519, share: new Uint8Array(32) }]) }),
    ],
    'with an empty share': [
      'decode-error',
      set({ [EXTENSION.key_share]: encodeKeyShares([{ group: X25519, share: EMPTY }]) }),
    ],
    'with a name that is none': ['decode-error', set({ [EXTENSION.server_name]: encodeServerName(ascii('a\0b')) })],
    'with a name of nobody here': [
      'unrecognized-name',
      set({ [EXTENSION.server_name]: encodeServerName(ascii('other.example')) }),
      { serverKeys: softwareKeys([{ ...heldCredential(), names: ['localhost'] }]) },
    ],
    'without a protocol of ours': ['no-common-alpn', (hello) => hello, { server: { alpn: ['h2'] } }],
    'with a record_size_limit too small': ['illegal-parameter', set({ [EXTENSION.record_size_limit]: encodeU16(63) })],
    'with a compression twice': [
      'decode-error',
      set({ [EXTENSION.compress_certificate]: encodeShortCodePoints([2, 2]) }),
    ],
    'with early_data that says something': ['decode-error', set({ [EXTENSION.early_data]: Uint8Array.of(0) })],
    'with an extension cut short': ['decode-error', set({ [EXTENSION.supported_groups]: Uint8Array.of(0, 4, 0, 29) })],
    'with PSKs and no mode': ['missing-extension', set({ [EXTENSION.pre_shared_key]: psk(1, 1) })],
    'with PSKs that are not the last': [
      'pre-shared-key-not-last',
      set({
        [EXTENSION.pre_shared_key]: psk(1, 1),
        [EXTENSION.psk_key_exchange_modes]: encodePskModes([1]),
        65000: EMPTY,
      }),
    ],
    'with more PSKs than binders': ['illegal-parameter', withPsks(psk(2, 1))],
    'with more binders than PSKs': ['illegal-parameter', withPsks(psk(1, 2))],
    'with no PSK modes in the list': ['decode-error', set({ [EXTENSION.psk_key_exchange_modes]: encodePskModes([]) })],
    'with a session id of 33 bytes': ['decode-error', (hello) => ({ ...hello, sessionId: new Uint8Array(33) })],
    'without any suite': ['decode-error', (hello) => ({ ...hello, cipherSuites: [] })],
  };
  for (const [name, [why, change, sides]] of Object.entries(cases))
    test(`${name}: ${why}`, async () => {
      const changed = await clientHello(change, { alpn: ['http/1.1'] });
      failedWith(await serverHearing(changed, sides), why);
    });
});

test('other records and messages in place of a ClientHello', async () => {
  const hello = await clientHello((same) => same);
  const cases: readonly (readonly [Bytes, Why])[] = [
    [plainRecord(CONTENT_TYPE.change_cipher_spec, Uint8Array.of(1)), 'unexpected-record'],
    [plainRecord(CONTENT_TYPE.application_data, ascii('early')), 'unexpected-record'],
    [plainRecord(CONTENT_TYPE.handshake, encodeFinished(binder)), 'unexpected-message'],
    [ascii('GET / HTTP/1.1\r\n\r\n'), 'not-tls'],
    [Uint8Array.of(0x80, 0x2e, 1, 3, 1), 'not-tls'],
    [plainRecord(CONTENT_TYPE.handshake, Uint8Array.of(1, 1, 0, 1)), 'message-too-large'],
    [plainRecord(CONTENT_TYPE.handshake, concat(hello.subarray(5), Uint8Array.of(11))), 'unaligned-key-change'],
  ];
  for (const [bytes, why] of cases) failedWith(await serverHearing(bytes), why);
});

describe('the ClientHello that answers a HelloRetryRequest', () => {
  const answering = (change: (hello: ClientHello) => ClientHello, sides: Sides13 = {}): Sides13 => {
    let hellos = 0;
    return {
      ...sides,
      client: { grease: false, keyShareGroups: ['secp256r1'], ...sides.client },
      tamperClient: (action) => {
        if (action.action !== 'send' || action.message[0] !== HANDSHAKE_TYPE.client_hello) return [action];
        hellos += 1;
        if (hellos === 1) return [action];
        return [{ action: 'send', message: encodeClientHello(change(decodeClientHello(action.message.subarray(4)))) }];
      },
    };
  };
  const cases: Readonly<Record<string, readonly [Why, (hello: ClientHello) => ClientHello]>> = {
    'with another random': ['changed-client-hello', (hello) => ({ ...hello, random: new Uint8Array(32) })],
    'with other suites': ['changed-client-hello', (hello) => ({ ...hello, cipherSuites: [0x1302] })],
    'with another session id': ['changed-client-hello', (hello) => ({ ...hello, sessionId: EMPTY })],
    'with another name': [
      'changed-client-hello',
      set({ [EXTENSION.server_name]: encodeServerName(ascii('other.example')) }),
    ],
    'without the name': ['changed-client-hello', set({ [EXTENSION.server_name]: null })],
    'with a share of another group': [
      'illegal-parameter',
      set({ [EXTENSION.key_share]: encodeKeyShares([share(0x0017, 65)]) }),
    ],
    'with two shares': [
      'illegal-parameter',
      set({ [EXTENSION.key_share]: encodeKeyShares([share(X25519, 32), share(0x0017, 65)]) }),
    ],
    'without shares': ['illegal-parameter', set({ [EXTENSION.key_share]: encodeKeyShares([]) })],
  };
  for (const [name, [why, change]] of Object.entries(cases))
    test(`${name}: ${why}`, async () => {
      const { server } = await converse13(answering(change));
      assert.equal(server.failure?.why, why);
    });

  test('keeps the ticket that came first', async () => {
    const base: Sides13 = { client: { keepTickets: true }, server: { ticketLifetimeSeconds: 60 } };
    const [ticket] = (await converse13(base)).client.tickets;
    const resuming: Sides13 = { ...base, client: { keepTickets: true, session: ticket ?? null } };
    const good = await converse13(answering((hello) => hello, resuming));
    assert.deepEqual([good.server.session?.resumed, good.server.session?.helloRetryRequest], [true, true]);
    const { server } = await converse13(answering(set({ [EXTENSION.pre_shared_key]: null }), resuming));
    assert.equal(server.failure?.why, 'missing-extension');
  });

  test('with a cookie of somebody else, or too old: illegal-parameter', async () => {
    const stateless = { server: { statelessRetry: true } };
    const forged = answering(set({ [EXTENSION.cookie]: concat(Uint8Array.of(0, 5), ascii('forge')) }), stateless);
    assert.equal((await converse13(forged)).server.failure?.why, 'illegal-parameter');
    const plaintext = ascii('of an older program');
    const serverKeys = {
      ...softwareKeys([heldCredential()]),
      openTicket: () => ({ answer: 'ticket-opened', plaintext }) as const,
    };
    const unread = answering((hello) => hello, { ...stateless, serverKeys });
    assert.equal((await converse13(unread)).server.failure?.why, 'illegal-parameter');
    let nowMs = 1_700_000_000_000;
    const late = answering(
      (hello) => {
        nowMs += 1000 * (LIMITS.cookieLifetimeSeconds + 1);
        return hello;
      },
      { server: { statelessRetry: true, now: () => nowMs } },
    );
    assert.equal((await converse13(late)).server.failure?.why, 'illegal-parameter');
  });

  test('without the cookie that was given, or for TLS 1.2: changed-client-hello, and no second request', async () => {
    const stateless = { server: { statelessRetry: true, minVersion: 'TLSv1.2' } } as const;
    for (const change of [
      set({ [EXTENSION.cookie]: null }),
      set({ [EXTENSION.supported_versions]: null }),
      set({ [EXTENSION.cookie]: null, [EXTENSION.supported_versions]: null }),
    ])
      assert.equal((await converse13(answering(change, stateless))).server.failure?.why, 'changed-client-hello');
  });

  test('with the cookie of a server that speaks what is off here: illegal-parameter', async () => {
    for (const off of [{ groups: ['secp256r1'] }, { suites: ['TLS_CHACHA20_POLY1305_SHA256'] }] as const) {
      const sides: Sides13 = { client: { keyShareGroups: [] }, server: { statelessRetry: true } };
      const { client, server: lax } = pair13(sides);
      const { server } = pair13({ server: { ...sides.server, ...off } });
      await Promise.all([lax.start(), server.start(), client.start()]);
      await lax.receive(client.takeNetwork());
      await client.receive(lax.takeNetwork());
      await carry({ client, server });
      assert.equal(whyOf(server), 'illegal-parameter');
      assert.match(server.failure?.detail ?? '', /^the cookie is for /);
    }
  });
});

describe('after the flight', () => {
  const replacing =
    (type: number, message: (sent: Bytes) => readonly Bytes[]): Tamper =>
    (action) =>
      action.action === 'send' && action.message[0] === type
        ? message(action.message).map((changed) => ({ action: 'send', message: changed }))
        : [action];
  const flipped = (message: Bytes): Bytes => {
    const changed = message.slice();
    changed[changed.length - 1] = (changed.at(-1) as number) ^ 1;
    return changed;
  };
  const certified: Sides13 = {
    server: { clientCertificate: 'required' },
    clientKeys: softwareKeys([heldCredential('p256', 'client')]),
  };
  const { finished, certificate, certificate_verify } = HANDSHAKE_TYPE;
  const cases: Readonly<Record<string, readonly [Why, Sides13]>> = {
    'a Finished with a wrong bit': ['bad-finished', { tamperClient: replacing(finished, (m) => [flipped(m)]) }],
    'a Finished that is too short': [
      'bad-finished',
      { tamperClient: replacing(finished, (m) => [encodeFinished(m.subarray(4, -1))]) },
    ],
    'a Finished with more behind it': [
      'unaligned-key-change',
      { tamperClient: replacing(finished, (m) => [concat(m, Uint8Array.of(24))]) },
    ],
    'a Certificate that was not asked for': [
      'unexpected-message',
      { tamperClient: replacing(finished, (m) => [encodeCertificate({ context: EMPTY, entries: [] }), m]) },
    ],
    'no Certificate where one is required': [
      'client-certificate-missing',
      { server: { clientCertificate: 'required' } },
    ],
    'a Finished in place of the Certificate': [
      'unexpected-message',
      { ...certified, tamperClient: replacing(certificate, (m) => [encodeFinished(m.subarray(4, 36))]) },
    ],
    'a Certificate with a context': [
      'decode-error',
      {
        ...certified,
        tamperClient: replacing(certificate, () => [encodeCertificate({ context: ascii('x'), entries: [] })]),
      },
    ],
    'a Certificate with extensions that were not asked for': [
      'unsolicited-extension',
      {
        ...certified,
        tamperClient: replacing(certificate, () => [
          encodeCertificate({
            context: EMPTY,
            entries: [{ certificate: Uint8Array.of(0x30), extensions: new Map([[EXTENSION.status_request, EMPTY]]) }],
          }),
        ]),
      },
    ],
    'a CertificateVerify with a wrong bit': [
      'bad-signature',
      { ...certified, tamperClient: replacing(certificate_verify, (m) => [flipped(m)]) },
    ],
    'a CertificateVerify of PKCS#1': [
      'wrong-signature-scheme',
      {
        ...certified,
        tamperClient: replacing(certificate_verify, () => [
          encodeCertificateVerify({ scheme: 0x0401, signature: binder }),
        ]),
      },
    ],
    'a CertificateVerify of another kind of key': [
      'wrong-signature-scheme',
      {
        ...certified,
        tamperClient: replacing(certificate_verify, () => [
          encodeCertificateVerify({ scheme: 0x0807, signature: new Uint8Array(64) }),
        ]),
      },
    ],
    'no CertificateVerify': [
      'unexpected-message',
      { ...certified, tamperClient: replacing(certificate_verify, () => []) },
    ],
  };
  for (const [name, [why, sides]] of Object.entries(cases))
    test(`${name}: ${why}`, async () => {
      const { client, server } = await converse13(sides);
      assert.equal(server.failure?.why, why);
      assert.deepEqual([client.failure?.why, client.failure?.detail], ['alert-received', FAILURES[why].alert]);
    });

  test('a certificate that the verifier refuses: its alert', async () => {
    const { client, server } = await converse13({
      ...certified,
      serverVerifier: () => ({
        answer: 'refused',
        failure: { kind: 'certificate-rejected', why: 'certificate-expired' },
      }),
    });
    assert.equal(server.failure?.why, 'certificate-expired');
    assert.equal(client.failure?.detail, 'certificate_expired');
  });

  test('messages that only a server sends: unexpected-message', async () => {
    const message = encodeNewSessionTicket({
      lifetimeSeconds: 1,
      ageAdd: 0,
      nonce: EMPTY,
      ticket: ascii('t'),
      extensions: new Map(),
    });
    const sides: Sides13 = {
      tamperClient: (action) => (action.action === 'open' ? [action, { action: 'send', message }] : [action]),
    };
    const { server } = await converse13(sides);
    assert.equal(server.failure?.why, 'unexpected-message');
  });

  test('key updates without end: too-many-key-updates', async () => {
    const pair = await converse13();
    for (let count = 0; count <= LIMITS.keyUpdates; count++) {
      assert.equal(pair.server.failure, undefined);
      // A further request waits for the answer, which comes with data.
      pair.server.connection.send(ascii('.'));
      await carry(pair);
      pair.client.connection.updateKeys();
      await carry(pair);
    }
    assert.equal(pair.server.failure?.why, 'too-many-key-updates');
  });
});

describe('early data', () => {
  const offering = set({ [EXTENSION.early_data]: EMPTY });
  const announced = async (): Promise<ConnectionDriver> => serverHearing(await clientHello(offering));

  test('is skipped up to its limit', async () => {
    const server = await announced();
    assert.equal(whyOf(server), undefined);
    const half = plainRecord(CONTENT_TYPE.application_data, new Uint8Array(LIMITS.earlyDataSkippedBytes / 2));
    await server.receive(concat(half, half));
    assert.equal(whyOf(server), undefined);
    await server.receive(plainRecord(CONTENT_TYPE.application_data, new Uint8Array(17)));
    assert.equal(whyOf(server), 'too-much-early-data');
  });

  test('is not skipped for who did not announce it', async () => {
    const server = await serverHearing(await clientHello((hello) => hello));
    await server.receive(plainRecord(CONTENT_TYPE.application_data, new Uint8Array(64)));
    assert.equal(whyOf(server), 'bad-record-mac');
  });

  test('is skipped after a HelloRetryRequest', async () => {
    const server = await serverHearing(await clientHello(offering, { keyShareGroups: [] }));
    await server.receive(plainRecord(CONTENT_TYPE.application_data, new Uint8Array(64)));
    assert.equal(whyOf(server), undefined);
    const same = await clientHello(offering, { keyShareGroups: [] });
    await server.receive(same);
    assert.equal(whyOf(server), 'changed-client-hello');
  });
});

test('answers that nobody asked for are refused, and the connection goes on', async () => {
  const { server } = pair13();
  await server.start();
  const answer = { answer: 'signed', signature: EMPTY } as const;
  assert.throws(() => server.connection.answer(1 as never, answer), { name: 'ConnectionMisuse' });
  await server.receive(await clientHello((hello) => hello));
  assert.throws(() => server.connection.answer(1 as never, answer), { name: 'ConnectionMisuse' });
  assert.equal(whyOf(server), undefined);
});
