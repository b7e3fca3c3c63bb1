import assert from 'node:assert/strict';
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { integer, octetString, oid, sequence } from '../../tests/support/der-writer.ts';
import { type Bytes, concat, hex, unhex } from '../core/bytes.ts';
import { NAMED_GROUPS } from '../crypto/named-groups.ts';
import { InvalidKeyShare, type NamedGroup } from '../crypto/provider.ts';
import { agreeEcdh, type EcdhGroup } from './ecdh.ts';
import { nodeCrypto as crypto } from './provider.ts';

const GROUPS = Object.keys(NAMED_GROUPS) as NamedGroup[];
const ML_KEM_KEY_BYTES = 1184;

test('every group is there under this runtime, hybrids first', () => {
  assert.deepEqual(crypto.groups, GROUPS);
});

for (const group of GROUPS) {
  const { clientShareBytes, serverShareBytes } = NAMED_GROUPS[group];

  test(`${group}: both sides agree, on a new secret each time`, async () => {
    const secrets = new Set<string>();
    for (let round = 0; round < 5; round++) {
      const client = crypto.generateKeyShare(group);
      const server = await crypto.respondToKeyShare(group, client.publicShare);
      const secret = await client.agree(server.publicShare);
      assert.equal(client.group, group);
      assert.equal(client.publicShare.length, clientShareBytes);
      assert.equal(server.publicShare.length, serverShareBytes);
      assert.deepEqual(secret, server.secret);
      assert.ok(secret.length === SECRET_BYTES[group] && secret.some((byte) => byte !== 0));
      secrets.add(hex(secret));
    }
    assert.equal(secrets.size, 5);
  });

  test(`${group}: a key share serves once`, async () => {
    const client = crypto.generateKeyShare(group);
    const server = await crypto.respondToKeyShare(group, client.publicShare);
    await client.agree(server.publicShare);
    await assert.rejects(async () => client.agree(server.publicShare), /second time/);
    const other = crypto.generateKeyShare(group);
    await refused(() => other.agree(new Uint8Array(0)));
    await assert.rejects(async () => other.agree(server.publicShare), /second time/);
  });

  test(`${group}: shares of any other length are refused by both sides`, async () => {
    const client = crypto.generateKeyShare(group);
    const server = await crypto.respondToKeyShare(group, client.publicShare);
    for (const wrong of [
      new Uint8Array(0),
      client.publicShare.subarray(1),
      concat(client.publicShare, Uint8Array.of(0)),
    ])
      await refused(() => crypto.respondToKeyShare(group, wrong));
    for (const wrong of [
      new Uint8Array(0),
      server.publicShare.subarray(1),
      concat(server.publicShare, Uint8Array.of(0)),
    ])
      await refused(() => crypto.generateKeyShare(group).agree(wrong));
  });

  test(`${group}: an answer needs no turn of the event loop`, async () => {
    let turned = false;
    const turn = setImmediate(() => {
      turned = true;
    });
    const client = crypto.generateKeyShare(group);
    const server = await crypto.respondToKeyShare(group, client.publicShare);
    await client.agree(server.publicShare);
    assert.equal(turned, false);
    clearImmediate(turn);
  });
}

const SECRET_BYTES: Readonly<Record<NamedGroup, number>> = {
  X25519MLKEM768: 64,
  SecP256r1MLKEM768: 64,
  x25519: 32,
  secp256r1: 32,
  secp384r1: 48,
  secp521r1: 66,
};

/** RFC 7748 section 6.1 and RFC 5903 section 8: one side's private key, the other's share, the secret. */
const VECTORS: Readonly<
  Record<EcdhGroup, { readonly privateKey: string; readonly peerShare: string; readonly secret: string }>
> = {
  x25519: {
    privateKey: '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a',
    peerShare: 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
    secret: '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742',
  },
  secp256r1: {
    privateKey: 'c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433',
    peerShare: `04
      d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63
      56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab`,
    secret: 'd6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de',
  },
  secp384r1: {
    privateKey: '099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194',
    peerShare: `04
      e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d0d1ac43a0336def96fda41d0774a3571
      dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaad96db9e6386c`,
    secret: '11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746',
  },
  secp521r1: {
    privateKey:
      '0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a095aa85a30fe1c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d4a52',
    peerShare: `04
      00d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a219b97c356436adc6e95bb0352f6be64a6c2912d4ef2d0433ced2b6171640012d9460f
      015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87220b6536c5c408a1d2aebb8e86d678ae49cb57091f4732296579ab44fcd17f0fc56a`,
    secret:
      '01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04d1427e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3ddea',
  },
};

for (const group of Object.keys(VECTORS) as EcdhGroup[])
  test(`${group}: the RFC's vector`, () => {
    const { privateKey, peerShare, secret } = VECTORS[group];
    assert.equal(hex(agreeEcdh(group, importPrivateKey(group, unhex(privateKey)), unhex(peerShare))), secret);
  });

test('x25519: every point of small order, in every encoding, is refused, also in the hybrid', async () => {
  // https://cr.yp.to/ecdh.html#validate, without the high bit and with it, which RFC 7748 section 5 has ignored.
  const smallOrder = [
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ].map(unhex);
  const highBit = smallOrder.map((point) => point.with(31, (point[31] as number) | 0x80));
  const hybrid = crypto.generateKeyShare('X25519MLKEM768').publicShare.subarray(0, ML_KEM_KEY_BYTES);
  for (const point of [...smallOrder, ...highBit]) {
    await refused(() => crypto.respondToKeyShare('x25519', point));
    await refused(() => crypto.generateKeyShare('x25519').agree(point));
    await refused(() => crypto.respondToKeyShare('X25519MLKEM768', concat(hybrid, point)));
    await refused(() => crypto.generateKeyShare('X25519MLKEM768').agree(concat(new Uint8Array(1088), point)));
  }
});

for (const group of ['secp256r1', 'secp384r1', 'secp521r1'] as const)
  test(`${group}: compressed, hybrid, infinite, unreduced and stray points are refused`, async () => {
    const { publicShare } = crypto.generateKeyShare(group);
    const coordinateBytes = (publicShare.length - 1) / 2;
    const allOnes = new Uint8Array(coordinateBytes).fill(0xff);
    const form = (first: number) => publicShare.with(0, first);
    for (const share of [
      publicShare.with(-1, (publicShare.at(-1) as number) ^ 1),
      form(0),
      form(2),
      form(6),
      form(7),
      publicShare.with(0, 2 | ((publicShare.at(-1) as number) & 1)).subarray(0, 1 + coordinateBytes),
      Uint8Array.of(0),
      new Uint8Array(publicShare.length),
      form(4).fill(0, 1),
      concat(Uint8Array.of(4), allOnes, allOnes),
      concat(Uint8Array.of(4), allOnes, publicShare.subarray(1 + coordinateBytes)),
    ]) {
      await refused(() => crypto.respondToKeyShare(group, share));
      await refused(() => crypto.generateKeyShare(group).agree(share));
    }
  });

test('SecP256r1MLKEM768: a stray point is refused', async () => {
  const { publicShare } = crypto.generateKeyShare('SecP256r1MLKEM768');
  await refused(() =>
    crypto.respondToKeyShare('SecP256r1MLKEM768', publicShare.with(40, (publicShare[40] as number) ^ 1)),
  );
});

test('ML-KEM: a key with a coefficient of 3329 or more is refused (FIPS 203 section 7.2)', async () => {
  const { publicShare } = crypto.generateKeyShare('X25519MLKEM768');
  const withFirstCoefficient = (value: number) =>
    publicShare.with(0, value & 0xff).with(1, ((publicShare[1] as number) & 0xf0) | (value >> 8));
  await crypto.respondToKeyShare('X25519MLKEM768', withFirstCoefficient(3328));
  for (const value of [3329, 4095])
    await refused(() => crypto.respondToKeyShare('X25519MLKEM768', withFirstCoefficient(value)));
});

test('hybrids: the order of the parts is that of the draft', async () => {
  for (const group of ['X25519MLKEM768', 'SecP256r1MLKEM768'] as const) {
    const client = crypto.generateKeyShare(group);
    const server = await crypto.respondToKeyShare(group, client.publicShare);
    // A changed ciphertext changes ML-KEM's half of the secret alone: the first for X25519MLKEM768, the second for the other.
    const inCiphertext = group === 'X25519MLKEM768' ? 0 : 65;
    const changed = server.publicShare.with(inCiphertext, (server.publicShare[inCiphertext] as number) ^ 1);
    const secret = await client.agree(changed);
    const halvesEqual = [0, 32].map((at) => hex(secret.slice(at, at + 32)) === hex(server.secret.slice(at, at + 32)));
    assert.deepEqual(halvesEqual, group === 'X25519MLKEM768' ? [false, true] : [true, false]);
  }
});

async function refused(agree: () => unknown): Promise<void> {
  await assert.rejects(async () => agree(), InvalidKeyShare);
}

/** PKCS#8 without the public key (RFC 5915, RFC 8410). */
function importPrivateKey(group: EcdhGroup, key: Bytes): KeyObject {
  const curve = { secp256r1: '1.2.840.10045.3.1.7', secp384r1: '1.3.132.0.34', secp521r1: '1.3.132.0.35' };
  const [algorithm, content] =
    group === 'x25519'
      ? [sequence(oid('1.3.101.110')), octetString(key)]
      : [sequence(oid('1.2.840.10045.2.1'), oid(curve[group])), sequence(integer(1), octetString(key))];
  const der = sequence(integer(0), algorithm, octetString(content));
  return createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' });
}
