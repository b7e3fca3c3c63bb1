/**
 * What the primitives themselves cost, through our provider: the floor under every handshake and record. Run it with `bun` or `node`;
 * for a process of a single connection with BUN_JSC_useJIT=0 BUN_JSC_useConcurrentGC=0 BUN_JSC_numberOfGCMarkers=1 in the environment.
 * Prints microseconds per call: the best of twelve rounds and their median. Compare columns of one run, never two machines.
 */
import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import type { Bytes } from '../src/core/bytes.ts';
import { AEADS } from '../src/crypto/cipher-suites.ts';
import { hkdfExpandLabel, hkdfLabel } from '../src/crypto/hkdf.ts';
import type { SignatureScheme } from '../src/crypto/provider.ts';
import { nodeCrypto } from '../src/crypto-node/provider.ts';

const ROUNDS = 12;
const ROUND_MS = 25;

const runtime = process.versions.bun === undefined ? `Node ${process.version}` : `Bun ${process.versions.bun}`;
console.log(
  `${runtime}${process.env.BUN_JSC_useJIT === '0' ? ', JIT off' : ''}: microseconds per call, best and median\n`,
);

await measureAeads();
await measureHashes();
await measureGroups();
await measureSignatures();
const compressed = deflateSync(nodeCrypto.randomBytes(4000));
await measure('zlib decompress, 4 KB certificate', () => nodeCrypto.decompress('zlib', compressed, 100 * 1024));

async function measureAeads(): Promise<void> {
  const nonce = nodeCrypto.randomBytes(12);
  const header = nodeCrypto.randomBytes(5);
  const contentType = Uint8Array.of(23);
  for (const algorithm of nodeCrypto.aeads)
    for (const length of [100, 2 ** 14]) {
      const aead = nodeCrypto.aead(algorithm, nodeCrypto.randomBytes(AEADS[algorithm].keyBytes));
      const plaintext = nodeCrypto.randomBytes(length);
      const output = new Uint8Array(length + 1 + aead.tagBytes);
      await measure(`${algorithm} seal ${length}`, () => aead.seal(nonce, header, plaintext, contentType, output, 0));
      await measure(`${algorithm} open ${length}`, () => aead.open(nonce, header, output));
    }
}

async function measureHashes(): Promise<void> {
  const secret = nodeCrypto.randomBytes(32);
  const message = nodeCrypto.randomBytes(100);
  const label = hkdfLabel('s hs traffic');
  await measure('random 32', () => nodeCrypto.randomBytes(32));
  await measure('SHA-256 of 100', () => nodeCrypto.hash('sha256', message));
  await measure('HMAC-SHA-256 of 100', () => nodeCrypto.hmac('sha256', secret, message));
  await measure('HKDF-Expand-Label, SHA-256', () => hkdfExpandLabel(nodeCrypto, 'sha256', secret, label, secret, 32));
  const transcript = nodeCrypto.startHash('sha256');
  transcript.update(nodeCrypto.randomBytes(1000));
  await measure('transcript hash, copied and read', () => transcript.current());
}

async function measureGroups(): Promise<void> {
  for (const group of nodeCrypto.groups) {
    const { publicShare } = nodeCrypto.generateKeyShare(group);
    await measure(`${group} key share`, () => nodeCrypto.generateKeyShare(group));
    await measure(`${group} respond`, () => nodeCrypto.respondToKeyShare(group, publicShare));
    await measure(`${group} both sides`, async () => {
      const client = nodeCrypto.generateKeyShare(group);
      return client.agree((await nodeCrypto.respondToKeyShare(group, client.publicShare)).publicShare);
    });
  }
}

async function measureSignatures(): Promise<void> {
  const message = nodeCrypto.randomBytes(130);
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  const keys: readonly (readonly [SignatureScheme, { publicKey: KeyObject; privateKey: KeyObject }])[] = [
    ['ecdsa_secp256r1_sha256', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['ecdsa_secp384r1_sha384', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
    ['ed25519', generateKeyPairSync('ed25519')],
    ['rsa_pss_rsae_sha256', generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['rsa_pkcs1_sha256', generateKeyPairSync('rsa', { modulusLength: 4096 })],
    ['mldsa65', generateKeyPairSync('ml-dsa-65')],
  ];
  for (const [scheme, { publicKey, privateKey }] of keys) {
    const spki = publicKey.export({ format: 'der', type: 'spki' });
    const hash = /sha\d+$/.exec(scheme)?.[0];
    const options = scheme.startsWith('rsa_pss_') ? { key: privateKey, ...pss } : { key: privateKey };
    const signature: Bytes = sign(hash, message, options);
    const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? '';
    await measure(`${scheme} ${bits} sign`, () => sign(hash, message, options));
    await measure(`${scheme} ${bits} verify, key imported`, () => nodeCrypto.verify(scheme, spki, message, signature));
  }
}

async function measure(name: string, call: () => unknown): Promise<void> {
  let calls = 1;
  while ((await timed(calls, call)) < ROUND_MS) calls *= 2;
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(((await timed(calls, call)) * 1000) / calls);
  rounds.sort((a, b) => a - b);
  const columns = [rounds[0], rounds[ROUNDS / 2]].map((figure) => (figure ?? 0).toFixed(2).padStart(10));
  console.log(name.padEnd(48), ...columns);
}

async function timed(calls: number, call: () => unknown): Promise<number> {
  const start = performance.now();
  for (let index = 0; index < calls; index++) {
    const result = call();
    if (result instanceof Promise) await result;
  }
  return performance.now() - start;
}
