/** What OpenSSL would go along with, and its backend does not: refused with the code and the alert that the engine has for it. */

import { expect, test } from 'bun:test';
import { ascii, concat, latin1 } from '../../src/core/bytes.ts';
import { LIMITS } from '../../src/core/limits.ts';
import type { HashAlgorithm, RunningHash } from '../../src/crypto/provider.ts';
import { NodeCrypto, nodeCrypto } from '../../src/crypto-node/provider.ts';
import type { CertificateVerifier } from '../../src/engine/answer.ts';
import { ClientMachine } from '../../src/engine/client/machine.ts';
import { ClientConnection } from '../../src/engine/client.ts';
import { encodeProtocolNames } from '../../src/engine/codec/extensions.ts';
import {
  decodeClientHello,
  decodeEncryptedExtensions,
  decodeServerHello,
  encodeClientHello,
  encodeEncryptedExtensions,
  encodeServerHello,
} from '../../src/engine/codec/messages.ts';
import { EXTENSION, HANDSHAKE_TYPE } from '../../src/engine/codec/registry.ts';
import { defaultClientConfig } from '../../src/engine/config.ts';
import type { Ticket } from '../../src/engine/connection.ts';
import { EngineConnection } from '../../src/engine/engine.ts';
import type { Action } from '../../src/engine/machine.ts';
import { ServerMachine } from '../../src/engine/server/machine.ts';
import { defaultServerConfig } from '../../src/engine/server-config.ts';
import { OpenSslClient } from '../../src/openssl/client.ts';
import { OpenSslServer } from '../../src/openssl/server.ts';
import type { Pair } from '../support/carry.ts';
import { serverCertificate } from '../support/certificates.ts';
import { acceptAnyCertificate, ConnectionDriver } from '../support/connection-driver.ts';
import { softwareKeys } from '../support/software-keys.ts';
import { ISSUING_CA } from '../support/test-pki.ts';
import { Tampered } from '../support/tls12.ts';
import { BACKENDS, converse, held, LEAF, openSsl, pairOf, VERSIONS } from './backends.ts';

const SETTINGS = { maxFragment: LIMITS.plaintextBytes, recordsPerKey: LIMITS.recordsPerKey, padding: null };
const TLS12 = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
const clientConfig = { ...defaultClientConfig(nodeCrypto, 'a.test', Date.now), grease: false };
const serverConfig = defaultServerConfig(nodeCrypto, Date.now);

/** Changes handshake messages of one type before they are sent. */
function changing(type: number, change: (message: Uint8Array) => Uint8Array) {
  return (action: Action): readonly Action[] =>
    action.action === 'send' && action.message[0] === type
      ? [{ ...action, message: change(action.message) }]
      : [action];
}

function without(extensions: ReadonlyMap<number, Uint8Array>, code: number): ReadonlyMap<number, Uint8Array> {
  return new Map([...extensions].filter(([each]) => each !== code));
}

function tamperingServer(tamper: (action: Action) => readonly Action[], versions: object): ConnectionDriver {
  const machine = new ServerMachine({ config: { ...serverConfig, ...versions }, crypto: nodeCrypto });
  const connection = new EngineConnection(new Tampered(machine, tamper), SETTINGS);
  return new ConnectionDriver(connection, acceptAnyCertificate, softwareKeys([held(LEAF)]));
}

function openSslClient(changes: object): ConnectionDriver {
  return new ConnectionDriver(new OpenSslClient({ ...clientConfig, ...changes }, openSsl));
}

test('a server of TLS 1.2 without extended master secret is refused before its certificate is judged', async () => {
  const strip = changing(HANDSHAKE_TYPE.server_hello, (message) => {
    const hello = decodeServerHello(message.subarray(4));
    return encodeServerHello({ ...hello, extensions: without(hello.extensions, EXTENSION.extended_master_secret) });
  });
  const pair = await converse({ client: openSslClient(TLS12), server: tamperingServer(strip, TLS12) });
  expect(pair.client.failure?.why).toBe('extended-master-secret-missing');
  expect(pair.client.effects).toEqual([]);
  expect(pair.server.failure).toMatchObject({ why: 'alert-received', detail: 'handshake_failure' });
});

test('a client of TLS 1.2 without extended master secret is refused before it is shown anything', async () => {
  const strip = changing(HANDSHAKE_TYPE.client_hello, (message) => {
    const hello = decodeClientHello(message.subarray(4));
    return encodeClientHello({ ...hello, extensions: without(hello.extensions, EXTENSION.extended_master_secret) });
  });
  const machine = new ClientMachine({ config: { ...clientConfig, ...TLS12 }, crypto: nodeCrypto });
  const client = new ConnectionDriver(new EngineConnection(new Tampered(machine, strip), SETTINGS));
  const secrets = { keys: new Map(), ticketKeys: null };
  const server = new ConnectionDriver(
    new OpenSslServer({ ...serverConfig, ...TLS12 }, openSsl, secrets, nodeCrypto),
    acceptAnyCertificate,
    softwareKeys([held(LEAF)]),
  );
  await converse({ client, server });
  expect(server.failure?.why).toBe('extended-master-secret-missing');
  expect(server.effects).toEqual([]);
  expect(client.failure).toMatchObject({ why: 'alert-received', detail: 'handshake_failure' });
});

test('a protocol that was not offered is refused before the certificate is judged', async () => {
  const offer = { alpn: ['h2'] };
  const choose = changing(HANDSHAKE_TYPE.encrypted_extensions, (message) => {
    const extensions = new Map(decodeEncryptedExtensions(message.subarray(4)));
    extensions.set(
      EXTENSION.application_layer_protocol_negotiation,
      encodeProtocolNames([new TextEncoder().encode('other')]),
    );
    return encodeEncryptedExtensions(extensions);
  });
  const pair = await converse({ client: openSslClient(offer), server: tamperingServer(choose, offer) });
  // Later versions of OpenSSL look by themselves.
  expect(pair.client.failure).toMatchObject({ kind: 'peer-misbehaved' });
  expect(['unsolicited-alpn', 'decode-error']).toContain(pair.client.failure?.why as string);
  expect(pair.server.failure?.why).not.toBe('closed-in-handshake');
  expect(pair.client.session).toBeUndefined();
  expect(pair.client.effects).toEqual([]);
});

test('a verdict on another key than that which OpenSSL sees in the certificate is none', async () => {
  const other = held(serverCertificate(ISSUING_CA, { dns: ['a.test'] }));
  const mistaken: CertificateVerifier = () => acceptAnyCertificate([other.chain[0] as Uint8Array], undefined, null);
  for (const version of VERSIONS) {
    const pair = await converse(
      pairOf({ client: 'openssl', server: 'openssl', version }, { clientVerifier: mistaken }),
    );
    expect(pair.client.failure?.why).toBe('certificate-malformed');
    expect(pair.server.failure).toMatchObject({ why: 'alert-received', detail: 'bad_certificate' });
    expect([pair.client.session, pair.server.session]).toEqual([undefined, undefined]);
  }
});

test('the client offers what it was told to and nothing else', async () => {
  const { client } = pairOf({ client: 'openssl', server: 'openssl', version: 'TLSv1.2' });
  await client.start();
  const hello = decodeClientHello(client.takeNetwork().subarray(9));
  const SCSV = 0x00ff;
  expect(hello.cipherSuites.filter((suite) => suite !== SCSV)).toEqual([
    0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8,
  ]);
  expect(hello.compressionMethods).toEqual(Uint8Array.of(0));
  expect(hello.extensions.has(EXTENSION.extended_master_secret)).toBe(true);
  expect(hello.extensions.has(EXTENSION.session_ticket)).toBe(false);
  expect(hello.extensions.get(EXTENSION.supported_groups)).toEqual(Uint8Array.of(0, 6, 0, 29, 0, 23, 0, 24));
});

test('a request to renegotiate that is not sealed is no request', async () => {
  const pair: Pair = await converse(pairOf({ client: 'openssl', server: 'openssl', version: 'TLSv1.2' }));
  await pair.client.receive(concat(Uint8Array.of(22, 3, 3, 0, 40), new Uint8Array(40)));
  expect(pair.client.failure).toMatchObject({ kind: 'peer-misbehaved', why: 'bad-record-mac' });
});

test('what it cannot do is refused when it is asked for', () => {
  const padding = (length: number) => length;
  const secrets = { keys: new Map(), ticketKeys: null };
  for (const changes of [{ padding }, { insecureKeyLog: true }, { groups: [] }, { signatureSchemes: [] }]) {
    expect(() => new OpenSslClient({ ...clientConfig, ...changes } as typeof clientConfig, openSsl)).toThrow(
      RangeError,
    );
    expect(
      () => new OpenSslServer({ ...serverConfig, ...changes } as typeof serverConfig, openSsl, secrets, nodeCrypto),
    ).toThrow(RangeError);
  }
});

test('a server of either backend resumes no session for another name, another protocol or another policy', async () => {
  const given = { serverName: 'a.test', alpn: 'h2' };
  const policies = { ticketLifetimeSeconds: 3600, alpn: ['h2', 'http/1.1'], certificatePolicy: 'strict' };
  for (const server of BACKENDS)
    for (const version of VERSIONS) {
      const scene = { client: 'tlsify', server, version } as const;
      const resumed = async (
        wanted: Partial<typeof given> | { serverName: null },
        session?: Ticket,
        policy = 'strict',
      ) => {
        const { serverName, alpn } = { ...given, ...wanted };
        const clientConfig = { keepTickets: true, serverName, alpn: [alpn], session: session ?? null };
        const serverConfig = { ...policies, certificatePolicy: policy };
        const pair = await converse(pairOf(scene, { clientConfig, serverConfig }));
        expect([pair.client.failure, pair.server.failure]).toEqual([undefined, undefined]);
        expect(pair.server.session).toMatchObject({ serverName, alpn, resumed: pair.client.session?.resumed });
        return { resumed: pair.server.session?.resumed, ticket: pair.client.tickets[0] as Ticket };
      };
      const { ticket } = await resumed({});
      expect((await resumed({}, ticket)).resumed).toBe(true);
      // As a client would that does not care.
      for (const other of [{ serverName: 'b.test' }, { serverName: null }, { alpn: 'http/1.1' }])
        expect((await resumed(other, { ...ticket, ...other })).resumed).toBe(false);
      expect((await resumed({}, ticket, 'lax')).resumed).toBe(false);
    }
});

/** Of a client whose second ClientHello asks for `name`: the only one that goes into a running hash as it is, and that before it is sent. */
class Renaming extends NodeCrypto {
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }

  override startHash(algorithm: HashAlgorithm): RunningHash {
    const hash = super.startHash(algorithm);
    const update = (message: Uint8Array) => {
      const at = message[0] === HANDSHAKE_TYPE.client_hello ? latin1(message).indexOf('a.test') : -1;
      if (at !== -1) message.set(ascii(this.name), at);
      hash.update(message);
    };
    return { update, current: () => hash.current(), copy: () => hash.copy() };
  }
}

test('a client that asks for another name in answer to a HelloRetryRequest does not get far', async () => {
  const groups = { groups: ['x25519', 'secp256r1'], keyShareGroups: ['x25519'] } as const;
  for (const server of BACKENDS)
    for (const name of ['a.test', 'b.test']) {
      const client = new ConnectionDriver(
        new ClientConnection({ ...clientConfig, ...groups, ech: null }, new Renaming(name)),
      );
      const retrying = { serverConfig: { groups: ['secp256r1'] } } as const;
      const pair = { client, server: pairOf({ client: 'tlsify', server, version: 'TLSv1.3' }, retrying).server };
      await converse(pair);
      if (name === 'a.test') expect(pair.server.session).toMatchObject({ serverName: name, helloRetryRequest: true });
      else expect([pair.server.failure?.why, pair.server.session]).toEqual(['changed-client-hello', undefined]);
    }
});

test('a client keeps no more than LIMITS.ticketsKept, of whichever backend', async () => {
  const repeat = (action: Action) =>
    action.action === 'send' && action.message[0] === HANDSHAKE_TYPE.new_session_ticket
      ? [action, action, action]
      : [action];
  for (const client of BACKENDS) {
    const server = tamperingServer(repeat, { ticketCount: 4, ticketLifetimeSeconds: 60 });
    const pair = pairOf({ client, server: 'tlsify', version: 'TLSv1.3' }, { clientConfig: { keepTickets: true } });
    await converse({ client: pair.client, server });
    expect(pair.client.tickets.length).toBe(LIMITS.ticketsKept);
  }
});
