import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ConnectionDriver } from '../../tests/support/connection-driver.ts';
import { EchSealer, encoded, twoHellos, withShare } from '../../tests/support/ech-hello.ts';
import { echKey, heldEchKey } from '../../tests/support/ech-keys.ts';
import {
  converse13,
  heldCredential,
  plainRecord,
  type Sides13,
  serverHearing,
  withExtensions,
} from '../../tests/support/pair13.ts';
import { softwareKeys } from '../../tests/support/software-keys.ts';
import { ALERT } from '../core/alerts.ts';
import { ascii, type Bytes, concat, EMPTY } from '../core/bytes.ts';
import { FAILURES, type Why } from '../core/failures.ts';
import { encodeServerName, encodeShortCodePoints } from './codec/extensions.ts';
import { type ClientHello, decodeServerHello, encodeClientHello, isHelloRetryRequest } from './codec/messages.ts';
import { CONTENT_TYPE, EXTENSION, HANDSHAKE_TYPE, VERSION } from './codec/registry.ts';
import { ECH_INNER, type EchClientHelloOuter, encodeOuterExtensions } from './ech/extension.ts';

const HELD = heldEchKey('held');
const SIDES: Sides13 = {
  server: { ech: [echKey(HELD)] },
  serverKeys: softwareKeys([heldCredential()], undefined, [HELD]),
};
const { encrypted_client_hello: ECH, ech_outer_extensions: REFERENCES } = EXTENSION;
const set = (changes: Readonly<Record<number, Bytes | null>>) => (hello: ClientHello) => withExtensions(hello, changes);

function failedWith(server: ConnectionDriver, why: Why): void {
  assert.equal(server.failure?.why, why);
  const { alert } = FAILURES[why];
  assert.ok(alert !== null);
  const sent = server.takeNetwork();
  assert.deepEqual(sent.subarray(-7), plainRecord(CONTENT_TYPE.alert, Uint8Array.of(2, ALERT[alert])));
}

describe('what is sealed in a ClientHello', () => {
  const cases: Readonly<Record<string, readonly [Why, (inner: ClientHello) => Bytes]>> = {
    'is no ClientHello': ['decode-error', () => ascii('no ClientHello')],
    'is empty': ['decode-error', () => EMPTY],
    'has no mark': ['illegal-parameter', (inner) => encoded(set({ [ECH]: null })(inner))],
    'has the mark of what is around it': [
      'illegal-parameter',
      (inner) => encoded(set({ [ECH]: Uint8Array.of(0) })(inner)),
    ],
    'has a mark with something behind it': [
      'illegal-parameter',
      (inner) => encoded(set({ [ECH]: Uint8Array.of(1, 0) })(inner)),
    ],
    'offers TLS 1.2 too': ['illegal-parameter', (inner) => encoded(versions(inner, VERSION.tls13, VERSION.tls12))],
    'offers nothing but TLS 1.2': [
      'illegal-parameter',
      (inner) => encoded(set({ [EXTENSION.supported_versions]: null })(inner)),
    ],
    'is followed by what is no padding': ['illegal-parameter', (inner) => concat(encoded(inner), Uint8Array.of(0, 7))],
    'has a session id': ['illegal-parameter', (inner) => encodeClientHello(inner).subarray(4)],
    'refers to no extension': ['decode-error', (inner) => referring(inner, Uint8Array.of(0))],
    'refers to half an extension': ['decode-error', (inner) => referring(inner, Uint8Array.of(3, 0, 51, 0))],
    'refers to what is not there': ['illegal-parameter', (inner) => referring(inner, encodeOuterExtensions([4242]))],
    'refers to one thing twice': ['illegal-parameter', (inner) => referring(inner, encodeOuterExtensions([51, 51]))],
    'refers to things in another order': [
      'illegal-parameter',
      (inner) => referring(inner, encodeOuterExtensions(turned(inner))),
    ],
    'refers to what it is sealed in': ['illegal-parameter', (inner) => referring(inner, encodeOuterExtensions([ECH]))],
    'refers to what it has itself': [
      'illegal-parameter',
      (inner) => encoded(set({ [REFERENCES]: encodeOuterExtensions([EXTENSION.server_name]) })(inner)),
    ],
  };
  for (const [name, [why, change]] of Object.entries(cases)) {
    test(`and ${name} is a failure: ${why}`, async () => {
      const { outer, inner } = await twoHellos();
      const sealer = await EchSealer.make(HELD);
      failedWith(await serverHearing(sealer.seal(outer, change(inner)), SIDES), why);
    });
    test(`and ${name} the second time is a failure: ${why}`, async () => {
      const { server, second, sealer } = await retried();
      await server.receive(sealer.seal(withShare(second.outer), change(withShare(second.inner))));
      failedWith(server, why);
    });
  }

  test('and is as it should be is taken, and goes on where the outer one would not', async () => {
    const { outer, inner } = await twoHellos();
    const sealer = await EchSealer.make(HELD);
    const useless = set({ [EXTENSION.key_share]: null, [EXTENSION.supported_groups]: null })(outer);
    const server = await serverHearing(sealer.seal(useless, encoded(inner)), SIDES);
    assert.equal(server.failure, undefined);
    const asked = server.effects.find(({ effect }) => effect === 'choose-certificate');
    assert.equal(asked?.effect === 'choose-certificate' ? asked.serverName : null, 'secret.example');
  });
});

describe('what is around a sealed ClientHello', () => {
  test('cannot be changed: then it is as if nothing had been sealed', async () => {
    const { outer, inner } = await twoHellos();
    const record = (await EchSealer.make(HELD)).seal(outer, encoded(inner));
    const at = latin1IndexOf(record, 'public.example');
    record[at] = 'P'.charCodeAt(0);
    const server = await serverHearing(record, SIDES);
    assert.equal(server.failure, undefined);
    const asked = server.effects.find(({ effect }) => effect === 'choose-certificate');
    assert.equal(asked?.effect === 'choose-certificate' ? asked.serverName : null, 'public.example');
  });

  const cases: Readonly<Record<string, readonly [Why | undefined, Bytes]>> = {
    'of a type that is none': ['illegal-parameter', Uint8Array.of(2)],
    'that is empty': ['decode-error', EMPTY],
    'that is cut short': ['decode-error', Uint8Array.of(0, 0, 1, 0, 1, 7, 0, 1)],
    'that is the mark of an inner one, which the network never sees': ['illegal-parameter', ECH_INNER],
    'that is a mark with something behind it': ['decode-error', Uint8Array.of(1, 2, 3)],
    'for a config that we have not': [undefined, Uint8Array.of(0, 0, 1, 0, 1, 8, 0, 1, 9, 0, 1, 9)],
    'whose key is none': [undefined, Uint8Array.of(0, 0, 1, 0, 1, 7, 0, 1, 9, 0, 1, 9)],
  };
  for (const [name, [why, body]] of Object.entries(cases))
    test(`an encrypted_client_hello ${name}: ${why ?? 'is ignored'}`, async () => {
      const hello = set({ [ECH]: body })((await twoHellos()).outer);
      const server = await serverHearing(plainRecord(CONTENT_TYPE.handshake, encodeClientHello(hello)), SIDES);
      if (why === undefined) assert.equal(server.failure, undefined);
      else failedWith(server, why);
    });
});

describe('the second of two sealed ClientHellos', () => {
  const changes: Readonly<Record<string, readonly [Why, (ech: EchClientHelloOuter) => EchClientHelloOuter]>> = {
    'for another config': ['changed-client-hello', (ech) => ({ ...ech, configId: 8 })],
    'of another suite': ['changed-client-hello', (ech) => ({ ...ech, suite: { kdf: 1, aead: 2 } })],
    'of a suite that nobody has': ['changed-client-hello', (ech) => ({ ...ech, suite: { kdf: 1, aead: 9 } })],
    'with a key of its own': ['changed-client-hello', (ech) => ({ ...ech, encapsulated: new Uint8Array(32).fill(9) })],
  };
  for (const [name, [why, change]] of Object.entries(changes))
    test(`is a failure ${name}: ${why}`, async () => {
      const { server, second, sealer } = await retried();
      await server.receive(sealer.seal(withShare(second.outer), encoded(withShare(second.inner)), change));
      failedWith(server, why);
    });

  test('is taken if it is sealed as the first', async () => {
    const { server, second, sealer } = await retried();
    await server.receive(sealer.seal(withShare(second.outer), encoded(withShare(second.inner))));
    assert.equal(server.failure, undefined);
    assert.deepEqual(
      server.effects.flatMap((effect) => (effect.effect === 'open-ech' ? [effect.sequence] : [])),
      [0, 1],
    );
  });

  test('is a failure if it cannot be opened: another client cannot take over', async () => {
    const { server, second, sealer } = await retried();
    // What a client seals that has not sealed the first.
    const other = await EchSealer.make(HELD);
    other.seal(second.outer, encoded(second.inner));
    await server.receive(other.seal(withShare(second.outer), encoded(withShare(second.inner))));
    failedWith(server, 'bad-ech-payload');
    assert.ok(sealer !== other);
  });

  test('is a failure if nothing is sealed any more', async () => {
    for (const body of [null, ECH_INNER]) {
      const { server, second } = await retried();
      const hello = set({ [ECH]: body })(withShare(second.outer));
      await server.receive(plainRecord(CONTENT_TYPE.handshake, encodeClientHello(hello)));
      failedWith(server, body === null ? 'missing-extension' : 'changed-client-hello');
    }
  });

  test('has the same name in it, and all else the same', async () => {
    const { server, second, sealer } = await retried();
    const renamed = set({ [EXTENSION.server_name]: encodeServerName(ascii('other.example')) })(second.inner);
    await server.receive(sealer.seal(withShare(second.outer), encoded(withShare(renamed))));
    failedWith(server, 'changed-client-hello');
  });
});

describe('the mark of an inner ClientHello, at a server behind another', () => {
  const behind: Sides13 = { server: { ech: [] } };
  const marked = async (change: (hello: ClientHello) => ClientHello, shares = true) =>
    plainRecord(CONTENT_TYPE.handshake, encodeClientHello(change((await twoHellos(shares)).inner)));

  test('has nothing behind it', async () => {
    const server = await serverHearing(await marked(set({ [ECH]: Uint8Array.of(1, 42) })), behind);
    failedWith(server, 'decode-error');
  });

  test('says nothing where TLS 1.2 is spoken', async () => {
    const record = await marked((hello) => versions(hello, VERSION.tls12));
    const server = await serverHearing(record, { server: { ech: [], minVersion: 'TLSv1.2' } });
    assert.equal(server.failure?.why, 'extended-master-secret-missing');
  });

  test('is there again after a HelloRetryRequest', async () => {
    for (const body of [null, Uint8Array.of(0, 0, 1, 0, 1, 7, 0, 0, 0, 1, 9)]) {
      const { inner } = await twoHellos(false);
      const record = (hello: ClientHello) => plainRecord(CONTENT_TYPE.handshake, encodeClientHello(hello));
      const server = await serverHearing(record(inner), behind);
      assert.ok(confirmedRetry(server.takeNetwork()));
      await server.receive(record(set({ [ECH]: body })(withShare(inner))));
      failedWith(server, body === null ? 'missing-extension' : 'changed-client-hello');
    }
  });
});

test('a server that takes back its confirmation, or has configs for who was understood, is refused', async () => {
  const both = { ...SIDES, client: { ech: [HELD.config], serverName: 'secret.example' } };
  const retrying = { ...both, client: { ...both.client, keyShareGroups: [] } };
  const taken = await converse13({ ...retrying, toClient: withoutConfirmation });
  assert.equal(taken.client.failure?.why, 'illegal-parameter');
  assert.match(taken.client.failure?.detail ?? '', /confirmation/);
  const rejected = await converse13({ ...both, toClient: withoutConfirmation });
  // It was never confirmed: the rest is under keys that the outer ClientHello does not come to.
  assert.equal(rejected.client.failure?.why, 'bad-record-mac');
});

const versions = (hello: ClientHello, ...list: number[]) =>
  set({ [EXTENSION.supported_versions]: encodeShortCodePoints(list) })(hello);

/** Instead of shares and groups. */
function referring(inner: ClientHello, references: Bytes): Bytes {
  const { key_share, supported_groups } = EXTENSION;
  return encoded(set({ [key_share]: null, [supported_groups]: null, [REFERENCES]: references })(inner));
}

/** The outer ClientHello has the same order. */
function turned({ extensions }: ClientHello): number[] {
  const { key_share, supported_groups } = EXTENSION;
  return [...extensions.keys()].filter((code) => code === key_share || code === supported_groups).reverse();
}

function latin1IndexOf(bytes: Bytes, text: string): number {
  return Buffer.from(bytes).indexOf(text, 0, 'latin1');
}

/** A server that has opened a first ClientHello and asked for another; how that would be sealed. */
async function retried() {
  const second = await twoHellos(false);
  const sealer = await EchSealer.make(HELD);
  const server = await serverHearing(sealer.seal(second.outer, encoded(second.inner)), SIDES);
  assert.ok(confirmedRetry(server.takeNetwork()));
  return { server, second, sealer };
}

/** Whether a flight begins with a HelloRetryRequest that has a confirmation. */
function confirmedRetry(flight: Bytes): boolean {
  const hello = decodeServerHello(flight.subarray(9, 5 + (((flight[3] as number) << 8) | (flight[4] as number))));
  return isHelloRetryRequest(hello) && hello.extensions.get(ECH)?.length === 8;
}

/** Changes the end of a ServerHello's random, and not that of a HelloRetryRequest. */
function withoutConfirmation(flight: Bytes): readonly Bytes[] {
  const changed = flight.slice();
  const isServerHello = changed[0] === CONTENT_TYPE.handshake && changed[5] === HANDSHAKE_TYPE.server_hello;
  if (isServerHello && !confirmedRetry(changed)) changed[5 + 4 + 2 + 31] = (changed[5 + 4 + 2 + 31] as number) ^ 1;
  return [changed];
}
