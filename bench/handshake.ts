/**
 * What one TLS 1.3 handshake costs each role, ours beside node:tls of the same runtime in the same run, in one process and in
 * memory. Run it with `bun` or `node`; for a process of a single connection with BUN_JSC_useJIT=0 BUN_JSC_useConcurrentGC=0
 * BUN_JSC_numberOfGCMarkers=1 in the environment. Microseconds per handshake: the best of the rounds and their median. `both` is
 * CPU time; the roles, and the floor that is the part of each spent in the primitives, are told apart by the clock, and so want a
 * machine with nothing else to do. Neither side judges the certificate: bench/verify.ts measures that.
 */
import { createPrivateKey, sign } from 'node:crypto';
import { Duplex } from 'node:stream';
import { connect, createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import type { Bytes } from '../src/core/bytes.ts';
import type { Tls13SuiteName } from '../src/crypto/cipher-suites.ts';
import type { CryptoProvider, KeyShare, NamedGroup } from '../src/crypto/provider.ts';
import { signedBytes } from '../src/crypto/signed-content.ts';
import { nodeCrypto } from '../src/crypto-node/provider.ts';
import { type KeyHolder, NO_KEYS, performEffect } from '../src/engine/answer.ts';
import { ClientConnection } from '../src/engine/client.ts';
import { type ClientConfig, defaultClientConfig } from '../src/engine/config.ts';
import type { Answer, Connection, Ticket } from '../src/engine/connection.ts';
import { ServerConnection } from '../src/engine/server.ts';
import { defaultServerConfig, type ServerConfig } from '../src/engine/server-config.ts';
import { Certificate } from '../src/x509/certificate.ts';
import { serverCertificate } from '../tests/support/certificates.ts';

const ROUNDS = 12;
const ROUND_HANDSHAKES = 40;

interface Case {
  readonly name: string;
  readonly group: NamedGroup;
  readonly suite: Tls13SuiteName;
  readonly resumed: boolean;
}

const CASES: readonly Case[] = [
  { name: 'X25519, P-256, AES-128-GCM', group: 'x25519', suite: 'TLS_AES_128_GCM_SHA256', resumed: false },
  { name: 'the same, resumed', group: 'x25519', suite: 'TLS_AES_128_GCM_SHA256', resumed: true },
  { name: 'X25519MLKEM768', group: 'X25519MLKEM768', suite: 'TLS_AES_128_GCM_SHA256', resumed: false },
  { name: 'ChaCha20-Poly1305', group: 'x25519', suite: 'TLS_CHACHA20_POLY1305_SHA256', resumed: false },
];

const CERTIFICATE = serverCertificate(undefined, { dns: ['localhost'] }, { key: 'p256' });
const PRIVATE_KEY = createPrivateKey(CERTIFICATE.key.privatePem);
const SPKI = new Certificate(CERTIFICATE.der).spki;

/** Time in the primitives, of whichever role is working. */
let primitiveMs = 0;

function timed<T>(work: () => T): T {
  const start = performance.now();
  try {
    return work();
  } finally {
    primitiveMs += performance.now() - start;
  }
}

/** Our provider, with a watch on what it computes. */
const watched: CryptoProvider = {
  ...nodeCrypto,
  groups: nodeCrypto.groups,
  randomBytes: (length) => timed(() => nodeCrypto.randomBytes(length)),
  hash: (algorithm, message) => timed(() => nodeCrypto.hash(algorithm, message)),
  sha1: (message) => timed(() => nodeCrypto.sha1(message)),
  startHash: (algorithm) => nodeCrypto.startHash(algorithm),
  hmac: (algorithm, key, message) => timed(() => nodeCrypto.hmac(algorithm, key, message)),
  aead: (algorithm, key) => timed(() => nodeCrypto.aead(algorithm, key)),
  generateKeyShare: (group) => {
    const share = timed(() => nodeCrypto.generateKeyShare(group));
    return {
      group,
      publicShare: share.publicShare,
      agree: (peer) => timed(() => share.agree(peer)),
    } satisfies KeyShare;
  },
  respondToKeyShare: (group, peer) => timed(() => nodeCrypto.respondToKeyShare(group, peer)),
  verify: (scheme, spki, message, signature) => timed(() => nodeCrypto.verify(scheme, spki, message, signature)),
  decompress: (algorithm, compressed, maximum) => nodeCrypto.decompress(algorithm, compressed, maximum),
};

/** Tickets are kept in clear: sealing them is the key process's work. */
const KEYS: KeyHolder = {
  choose: () => ({
    answer: 'certificate-chosen',
    choice: { credential: { chain: [CERTIFICATE.der], key: '' }, scheme: 'ecdsa_secp256r1_sha256' },
  }),
  sign: ({ content }) => ({
    answer: 'signed',
    signature: timed(() => new Uint8Array(sign('sha256', signedBytes(content), PRIVATE_KEY))),
  }),
  sealTicket: ({ plaintext }) => ({ answer: 'ticket-sealed', ticket: plaintext.slice() }),
  openTicket: ({ ticket }) => ({ answer: 'ticket-opened', plaintext: ticket.slice() }),
};

const ACCEPTED: Answer = {
  answer: 'certificate-accepted',
  spki: SPKI,
  identity: {
    verified: true,
    matched: [],
    subject: '',
    spkiSha256: '',
    certificateSha256: '',
    notAfterSeconds: 4_102_444_800,
  },
};

class Side {
  readonly connection: Connection;
  readonly #keys: KeyHolder;
  milliseconds = 0;
  primitiveMs = 0;
  open = false;
  ticket: Ticket | null = null;
  outgoing: Bytes[] = [];

  constructor(connection: Connection, keys: KeyHolder) {
    this.connection = connection;
    this.#keys = keys;
  }

  async work(call: (connection: Connection) => void): Promise<void> {
    const [start, primitivesBefore] = [performance.now(), primitiveMs];
    call(this.connection);
    for (let output = this.connection.next(); output !== undefined; output = this.connection.next()) {
      if (output.output === 'network') this.outgoing.push(output.bytes);
      else if (output.output === 'open') this.open = true;
      else if (output.output === 'ticket') this.ticket = output.ticket;
      else if (output.output === 'failed') throw new Error(JSON.stringify(output.failure));
      else if (output.output === 'effect') {
        const answer = performEffect(output.effect, watched, () => ACCEPTED, this.#keys);
        this.connection.answer(output.id, answer instanceof Promise ? await answer : answer);
      }
    }
    this.milliseconds += performance.now() - start;
    this.primitiveMs += primitiveMs - primitivesBefore;
  }

  async receive(bytes: Bytes): Promise<void> {
    for (let rest = bytes; rest.length > 0; ) {
      let consumed = 0;
      await this.work((connection) => {
        consumed = connection.receive(rest);
      });
      rest = rest.subarray(consumed);
    }
  }

  take(): Bytes[] {
    const { outgoing } = this;
    this.outgoing = [];
    return outgoing;
  }
}

async function ourHandshake(client: ClientConfig, server: ServerConfig): Promise<{ client: Side; server: Side }> {
  const ours = {
    client: new Side(new ClientConnection(client, watched), NO_KEYS),
    server: new Side(new ServerConnection(server, watched), KEYS),
  };
  await ours.server.work((connection) => connection.start());
  await ours.client.work((connection) => connection.start());
  for (let idle = false; !idle; ) {
    const toServer = ours.client.take();
    const toClient = ours.server.take();
    idle = toServer.length === 0 && toClient.length === 0;
    for (const bytes of toServer) await ours.server.receive(bytes);
    for (const bytes of toClient) await ours.client.receive(bytes);
  }
  if (!ours.client.open || !ours.server.open) throw new Error('not open');
  return ours;
}

async function measureOurs({ group, suite, resumed }: Case): Promise<Record<string, number[]>> {
  const config: ClientConfig = {
    ...defaultClientConfig(nodeCrypto, 'localhost', Date.now),
    minVersion: 'TLSv1.3',
    groups: [group],
    keyShareGroups: [group],
    suites: [suite],
    keepTickets: resumed,
  };
  const server: ServerConfig = {
    ...defaultServerConfig(nodeCrypto, Date.now),
    minVersion: 'TLSv1.3',
    groups: [group],
    suites: [suite],
    ticketCount: 1,
    ticketLifetimeSeconds: resumed ? 7200 : 0,
  };
  const session = resumed ? (await ourHandshake(config, server)).client.ticket : null;
  const rounds: Record<string, number[]> = { client: [], clientFloor: [], server: [], serverFloor: [], both: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const sums = { client: 0, clientFloor: 0, server: 0, serverFloor: 0 };
    const before = process.cpuUsage();
    for (let index = 0; index < ROUND_HANDSHAKES; index++) {
      const sides = await ourHandshake({ ...config, session }, server);
      sums.client += sides.client.milliseconds;
      sums.clientFloor += sides.client.primitiveMs;
      sums.server += sides.server.milliseconds;
      sums.serverFloor += sides.server.primitiveMs;
    }
    const { user, system } = process.cpuUsage(before);
    rounds.both?.push((user + system) / ROUND_HANDSHAKES);
    for (const [name, sum] of Object.entries(sums)) rounds[name]?.push((1000 * sum) / ROUND_HANDSHAKES);
  }
  return rounds;
}

/** One end of a pipe in memory. */
class PipeEnd extends Duplex {
  other: PipeEnd | null = null;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.other?.push(chunk);
    done();
  }

  override _final(done: () => void): void {
    this.other?.push(null);
    done();
  }
}

/** node:tls for both roles: CPU time cannot be told apart there. */
async function measureNodeTls({ group, suite, resumed }: Case): Promise<number[]> {
  const shared = {
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ciphers: suite,
    ecdhCurve: NODE_GROUP[group],
  } as const;
  const server = createSecureContext({ ...shared, cert: CERTIFICATE.pem, key: CERTIFICATE.key.privatePem });
  const client = createSecureContext(shared);
  let session: Buffer | undefined;
  if (resumed) session = await nodeTlsHandshake(client, server, undefined, true);
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let index = 0; index < ROUND_HANDSHAKES; index++) await nodeTlsHandshake(client, server, session, false);
    const { user, system } = process.cpuUsage(before);
    rounds.push((user + system) / ROUND_HANDSHAKES);
  }
  return rounds;
}

const NODE_GROUP: Readonly<Partial<Record<NamedGroup, string>>> = {
  x25519: 'X25519',
  X25519MLKEM768: 'X25519MLKEM768',
};

function nodeTlsHandshake(
  client: SecureContext,
  server: SecureContext,
  session: Buffer | undefined,
  wantSession: boolean,
): Promise<Buffer | undefined> {
  const [near, far] = [new PipeEnd(), new PipeEnd()];
  near.other = far;
  far.other = near;
  return new Promise((resolve, reject) => {
    const accepted = new TLSSocket(far, { isServer: true, secureContext: server });
    const connected = connect({
      socket: near,
      secureContext: client,
      servername: 'localhost',
      rejectUnauthorized: false,
      ...(session === undefined ? {} : { session }),
    });
    // Bun gives no session to a socket that is no socket.
    const patience = setTimeout(reject, 2000, new Error('no end of the handshake'));
    const finish = (result?: Buffer) => {
      clearTimeout(patience);
      connected.destroy();
      accepted.destroy();
      resolve(result);
    };
    accepted.on('error', reject);
    connected.on('error', reject);
    if (wantSession) connected.once('session', finish);
    let open = 0;
    const opened = () => {
      open += 1;
      if (open === 2 && !wantSession) finish();
    };
    accepted.once('secure', opened);
    connected.once('secureConnect', opened);
  });
}

const runtime = process.versions.bun === undefined ? `Node ${process.version}` : `Bun ${process.versions.bun}`;
console.log(
  `${runtime}${process.env.BUN_JSC_useJIT === '0' ? ', JIT off' : ''}: microseconds per handshake, best and median\n`,
);
for (const testCase of CASES) {
  console.log(testCase.name);
  const ours = await measureOurs(testCase);
  for (const role of ['client', 'server'] as const) {
    report(`  our ${role}`, ours[role] ?? []);
    report('    of that the floor', ours[`${role}Floor`] ?? []);
  }
  report('  ours, both', ours.both ?? []);
  try {
    report('  node:tls, both', await measureNodeTls(testCase));
  } catch (error) {
    console.log(`  node:tls: ${error instanceof Error ? error.message : 'failed'}`);
  }
}

function report(name: string, rounds: readonly number[]): void {
  const sorted = [...rounds].sort((a, b) => a - b);
  const columns = [sorted[0], sorted[sorted.length >> 1]].map((figure) => (figure ?? 0).toFixed(0).padStart(8));
  console.log(name.padEnd(32), ...columns);
}
