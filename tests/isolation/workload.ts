/**
 * All that a session asks of its runtime, after the sandbox is up: `workload.ts LEVEL [END]`. Results go to standard output, one
 * line each, so that a run in the sandbox can be compared with one outside. The first line counts the mappings that were
 * writable and executable when the sandbox went up.
 */
import * as crypto from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as zlib from 'node:zlib';
import { TlsError } from '../../src/core/failures.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import { defaultClientConfig } from '../../src/engine/config.ts';
import type { Answer, Connection, Effect } from '../../src/engine/connection.ts';
import { defaultServerConfig } from '../../src/engine/server-config.ts';
import type { SandboxLevel } from '../../src/isolation/mechanisms.ts';
import { applySandbox } from '../../src/isolation/sandbox.ts';
import { OpenSslClient } from '../../src/openssl/client.ts';
import { loadOpenSsl } from '../../src/openssl/library.ts';
import { OpenSslServer } from '../../src/openssl/server.ts';
import { loadNative } from '../../src/os/load.ts';
import { serverCertificate } from '../support/certificates.ts';

const native = loadNative();
const openSsl = loadOpenSsl();
const LEAF = serverCertificate(undefined, { dns: ['a.test'] });
const KEY = new Uint8Array(crypto.createPrivateKey(LEAF.key.privatePem).export({ type: 'pkcs8', format: 'der' }));

const TASKS: Readonly<Record<string, () => unknown>> = {
  'garbage: 500 MB in large pieces': () => {
    let bytes = 0;
    for (let index = 0; index < 500; index++) bytes += new Uint8Array(2 ** 20).fill(1).length;
    return bytes;
  },
  'garbage: many small objects': () => {
    let kept: object[] = [];
    for (let index = 0; index < 300_000; index++) {
      kept.push({ index, text: `x${index}`, list: [index, index] });
      if (kept.length > 10_000) kept = [];
    }
    return kept.length;
  },
  'weak references and finalizers': () => {
    const registry = new FinalizationRegistry(() => {});
    const known = new WeakMap<object, number>();
    for (let index = 0; index < 100_000; index++) {
      const object = {};
      known.set(object, index);
      registry.register(object, index);
    }
    return 'done';
  },
  'errors with their traces': () => {
    let caught = 0;
    for (let index = 0; index < 100; index++) {
      try {
        throw new Error('thrown');
      } catch (error) {
        caught += (error as Error).stack?.includes('thrown') ? 1 : 0;
      }
    }
    return caught;
  },
  'the stack to its end': () => {
    const descend = (depth: number): number => 1 + descend(depth + 1);
    try {
      return descend(0);
    } catch (error) {
      return (error as Error).name;
    }
  },
  'local time': () => {
    const date = new Date(2026, 5, 5, 12);
    return `${date.toISOString()} ${date.toString()} ${date.getTimezoneOffset()}`;
  },
  'languages': () =>
    `${new Intl.DateTimeFormat('de', { timeZone: 'Asia/Tokyo', dateStyle: 'full' }).format(0)} ${'ä'.localeCompare('z')} ${'ﬁ'.normalize('NFKD')}`,
  'a host name': () => new URL('https://bücher.example/').hostname,
  'json, text and patterns': () =>
    `${JSON.stringify(JSON.parse('{"a":[1,"ü"]}'))} ${new TextDecoder('utf-8', { fatal: true }).decode(new TextEncoder().encode('ü'))} ${'aXb'.match(/[A-Z]/u)?.[0]}`,
  'large numbers': () => String(3n ** 500n).length,
  'settled promises': async () => {
    let sum = 0;
    for (let index = 0; index < 10_000; index++) sum += await Promise.resolve(1);
    return sum;
  },
  'ML-KEM by WebCrypto': async () => {
    const subtle = crypto.subtle as unknown as KeyEncapsulation;
    const { publicKey, privateKey } = await subtle.generateKey({ name: 'ML-KEM-768' }, true, [
      'encapsulateBits',
      'decapsulateBits',
    ]);
    const { ciphertext, sharedKey } = await subtle.encapsulateBits({ name: 'ML-KEM-768' }, publicKey);
    const opened = await subtle.decapsulateBits({ name: 'ML-KEM-768' }, privateKey, ciphertext);
    return Buffer.from(sharedKey).equals(Buffer.from(opened));
  },
  'X25519': () => {
    const [mine, theirs] = [crypto.generateKeyPairSync('x25519'), crypto.generateKeyPairSync('x25519')];
    return crypto.diffieHellman({ privateKey: mine.privateKey, publicKey: theirs.publicKey }).length;
  },
  'ECDH': () =>
    ['prime256v1', 'secp384r1', 'secp521r1'].map((curve) => {
      const [mine, theirs] = [crypto.createECDH(curve), crypto.createECDH(curve)];
      return mine.generateKeys() && mine.computeSecret(theirs.generateKeys()).length;
    }),
  'AES-GCM': () => {
    const [key, nonce] = [new Uint8Array(16), new Uint8Array(12)];
    for (let index = 0; index < 1000; index++) {
      const cipher = crypto.createCipheriv('aes-128-gcm', key, nonce);
      const sealed = Buffer.concat([cipher.update(new Uint8Array(16384)), cipher.final()]);
      const decipher = crypto.createDecipheriv('aes-128-gcm', key, nonce).setAuthTag(cipher.getAuthTag());
      decipher.update(sealed);
      decipher.final();
    }
    return 'done';
  },
  'hashes and HKDF': () => {
    const hash = crypto.createHash('sha384');
    for (let index = 0; index < 1000; index++) hash.update('x').copy().digest();
    return `${hash.digest('hex')} ${Buffer.from(crypto.hkdfSync('sha256', 'a', 'b', 'c', 32)).toString('hex')}`;
  },
  'random numbers': () => {
    let bytes = crypto.getRandomValues(new Uint8Array(65536)).length;
    for (let index = 0; index < 5000; index++) bytes += crypto.randomBytes(32).length;
    return bytes;
  },
  'signatures': () =>
    SIGNATURES.map(({ kind, options, hash, padding }) => {
      const { privateKey, publicKey } = generateKeyPair(kind, options);
      const message = new TextEncoder().encode('message');
      const signature = crypto.sign(hash, message, { key: privateKey, ...padding });
      const key = crypto.createPublicKey({
        key: publicKey.export({ type: 'spki', format: 'der' }),
        format: 'der',
        type: 'spki',
      });
      return crypto.verify(hash, message, { key, ...padding }, signature);
    }),
  'compressed certificates': () => {
    const plain = Buffer.alloc(100_000, 'abc');
    return [
      zlib.inflateSync(zlib.deflateSync(plain)).length,
      zlib.brotliDecompressSync(zlib.brotliCompressSync(plain)).length,
      zlib.zstdDecompressSync(zlib.zstdCompressSync(plain)).length,
    ];
  },
  'OpenSSL: handshakes, data, a refusal': () => talkThroughOpenSsl(),
  'a function made from text': () => new Function('value', 'return value + 1')(2),
  'waiting': () => native.poll(new Int32Array(0), new Int32Array(0), 20),
};

/** Instead of the tasks. */
const ENDS: Readonly<Record<string, () => void>> = {
  'uncaught': () => {
    throw new Error('not caught');
  },
  'event-loop': () => {
    setTimeout(() => {}, 10);
  },
  'socket-after-openssl': () => {
    write(talkThroughOpenSsl());
    write(native.openFile('/etc/passwd', 0, 0) < 0 ? 'no file' : 'a file');
    write(native.socket(2, 1, 0) < 0 ? 'no socket' : 'a socket');
    native.exit(0);
  },
  'stop-and-continue': () => {
    write('waiting');
    const ready = native.poll(Int32Array.of(0, 1), new Int32Array(1), 60_000);
    write(`ready ${ready}`);
    native.exit(0);
  },
};

/** Both ends of connections that OpenSSL makes, in both versions, and one that refuses its server's certificate. */
function talkThroughOpenSsl(): string {
  const outcomes: string[] = [];
  for (const version of ['TLSv1.3', 'TLSv1.2'] as const)
    for (const accept of [true, false]) {
      const versions = { minVersion: version, maxVersion: version };
      const client = new OpenSslClient(
        { ...defaultClientConfig(nodeCrypto, 'a.test', Date.now), ...versions },
        openSsl,
      );
      const server = new OpenSslServer(
        { ...defaultServerConfig(nodeCrypto, Date.now), ...versions },
        openSsl,
        { keys: new Map([['key', KEY]]), ticketKeys: null },
        nodeCrypto,
      );
      server.start();
      client.start();
      carry(client, server, accept);
      if (accept) {
        client.send(new Uint8Array(1_000_000));
        carry(client, server, accept);
        client.closeWrite();
        server.closeWrite();
        carry(client, server, accept);
      }
      outcomes.push(`${version} ${client.phase} ${client.finished} ${server.phase} ${server.finished}`);
    }
  return outcomes.join(', ');
}

/** Until neither has anything more for the other. */
function carry(client: Connection, server: Connection, accept: boolean): void {
  for (let moved = true; moved; ) {
    moved = false;
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const)
      for (let output = from.next(); output !== undefined; output = from.next()) {
        moved = true;
        if (output.output === 'network') to.receive(output.bytes);
        if (output.output === 'effect') from.answer(output.id, answerTo(output.effect, accept));
      }
  }
}

function answerTo({ effect }: Effect, accept: boolean): Answer {
  if (effect === 'choose-certificate') {
    const credential = { chain: [LEAF.der], key: 'key' };
    return { answer: 'certificate-chosen', choice: { credential, scheme: 'ecdsa_secp256r1_sha256' } };
  }
  if (!accept) return { answer: 'refused', failure: new TlsError('certificate-expired').failure };
  const identity = { verified: true, matched: [], subject: '', spkiSha256: '', certificateSha256: '' };
  return { answer: 'certificate-accepted', spki: LEAF.key.spki, identity: { ...identity, notAfterSeconds: 0 } };
}

interface KeyPair {
  readonly publicKey: crypto.KeyObject;
  readonly privateKey: crypto.KeyObject;
}

interface KeyEncapsulation {
  generateKey(
    algorithm: object,
    extractable: boolean,
    usages: readonly string[],
  ): Promise<{ readonly publicKey: object; readonly privateKey: object }>;
  encapsulateBits(
    algorithm: object,
    publicKey: object,
  ): Promise<{ readonly ciphertext: ArrayBuffer; readonly sharedKey: ArrayBuffer }>;
  decapsulateBits(algorithm: object, privateKey: object, ciphertext: ArrayBuffer): Promise<ArrayBuffer>;
}

const { RSA_PKCS1_PSS_PADDING } = crypto.constants;
const SIGNATURES = [
  { kind: 'rsa', options: { modulusLength: 2048 }, hash: 'sha256', padding: {} },
  {
    kind: 'rsa',
    options: { modulusLength: 2048 },
    hash: 'sha384',
    padding: { padding: RSA_PKCS1_PSS_PADDING, saltLength: 48 },
  },
  { kind: 'ec', options: { namedCurve: 'P-256' }, hash: 'sha256', padding: {} },
  { kind: 'ec', options: { namedCurve: 'P-384' }, hash: 'sha384', padding: {} },
  { kind: 'ec', options: { namedCurve: 'P-521' }, hash: 'sha512', padding: {} },
  { kind: 'ed25519', options: {}, hash: null, padding: {} },
] as const;

function generateKeyPair(kind: string, options: object): KeyPair {
  const generate = crypto.generateKeyPairSync as (kind: string, options: object) => KeyPair;
  return generate(kind, options);
}

function write(line: string): void {
  const bytes = new TextEncoder().encode(`${line}\n`);
  native.write(1, bytes, 0, bytes.length);
}

async function main(level: SandboxLevel, task: string | undefined): Promise<void> {
  const executable = readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => / .wx/.test(line));
  const { missing } = applySandbox(native, {
    level,
    descriptors: [
      { fd: 0, reads: true, writes: false },
      { fd: 1, reads: false, writes: true },
      { fd: 2, reads: false, writes: true },
    ],
  });
  write(`writable and executable: ${executable.length}, missing: ${missing.length}`);
  if (task !== undefined) return ENDS[task]?.();
  for (const [name, run] of Object.entries(TASKS)) write(`${name}: ${String(await run())}`);
  native.exit(0);
}

await main(process.argv[2] as SandboxLevel, process.argv[3]);
