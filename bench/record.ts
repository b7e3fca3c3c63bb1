/**
 * What a gigabyte costs each direction, in one process and in memory: `npm run bench:record [-- --json]`, or with `node`, or with the
 * settings of a process of one connection (BUN_JSC_useJIT=0 BUN_JSC_useConcurrentGC=0 BUN_JSC_numberOfGCMarkers=1). CPU seconds per
 * GB (10^9 bytes): the best of interleaved rounds and, in brackets, their median. Pieces are as a session reads them from the
 * application and the network. The floor: AES-128-GCM of node:crypto over full records, with nothing around it.
 */
import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto';
import type { Bytes } from '../src/core/bytes.ts';
import { cpuMicros, type Figure, Rounds, ratio, runtimeName, shown, table } from './measure.ts';
import { contexts, handshake } from './node-tls.ts';
import { configurations, handshakes, PLAIN_ROLES, type Side } from './pair.ts';

const ROUNDS = 60;
const WARM_UP_ROUNDS = 15;
/** Of each subject in turn: what is sealed is opened while it is still in the caches, as between a socket and an application. */
const TURN_BYTES = 2 ** 19;
const ROUND_TURNS = 16;
const WRITTEN_BYTES = 64 * 1024;
const RECORD_BYTES = 2 ** 14;

const PROTOCOL = { version: 'TLSv1.3', suite: 'TLS_AES_128_GCM_SHA256', group: 'x25519' } as const;

const rounds = new Rounds(WARM_UP_ROUNDS);
const plaintext = new Uint8Array(WRITTEN_BYTES).fill(0x61);

const round = new Map<string, number>();

async function clocked(subject: string, work: () => void | Promise<void>): Promise<void> {
  const before = cpuMicros();
  await work();
  round.set(subject, (round.get(subject) ?? 0) + cpuMicros() - before);
}

const { clients, servers } = await handshakes(1, configurations(PROTOCOL, false), PLAIN_ROLES);
const ours = { client: clients[0] as Side, server: servers[0] as Side };
const nodeTls = await handshake(contexts(PROTOCOL));
let nodeTlsReceived = 0;
nodeTls.server.on('data', (chunk: Buffer) => {
  nodeTlsReceived += chunk.length;
});

const key = createSecretKey(new Uint8Array(16));
const nonce = new Uint8Array(12);
const header = new Uint8Array(5);
const record = plaintext.subarray(0, RECORD_BYTES + 1);
let sealed = Buffer.alloc(0);
let tag = Buffer.alloc(0);

function sealBare(): void {
  for (let bytes = 0; bytes < TURN_BYTES; bytes += RECORD_BYTES) {
    const cipher = createCipheriv('aes-128-gcm', key, nonce).setAAD(header);
    sealed = cipher.update(record);
    cipher.final();
    tag = cipher.getAuthTag();
  }
}

function openBare(): void {
  for (let bytes = 0; bytes < TURN_BYTES; bytes += RECORD_BYTES) {
    const decipher = createDecipheriv('aes-128-gcm', key, nonce).setAAD(header).setAuthTag(tag);
    decipher.update(sealed);
    decipher.final();
  }
}

/** Each write's records, which are whole: a session's buffer mostly has the beginning of one more. */
let network: readonly Bytes[] = [];

async function turn(): Promise<void> {
  await clocked('our seal', () => {
    for (let bytes = 0; bytes < TURN_BYTES; bytes += WRITTEN_BYTES) {
      ours.client.connection.send(plaintext);
      ours.client.advance();
    }
    network = ours.client.take();
  });
  await clocked('our open', () => {
    for (const piece of network) {
      ours.server.connection.receive(piece);
      ours.server.advance();
    }
  });
  await clocked('bare seal', sealBare);
  await clocked('bare open', openBare);
  await clocked('node:tls, both', async () => {
    const target = nodeTlsReceived + TURN_BYTES;
    for (let bytes = 0; bytes < TURN_BYTES; bytes += WRITTEN_BYTES)
      if (!nodeTls.client.write(plaintext)) await new Promise((resolve) => nodeTls.client.once('drain', resolve));
    while (nodeTlsReceived < target) await new Promise((resolve) => setImmediate(resolve));
  });
}

for (let count = 0; count < ROUNDS; count++) {
  round.clear();
  for (let index = 0; index < ROUND_TURNS; index++) await turn();
  const gigabytes = (ROUND_TURNS * TURN_BYTES) / 1e9;
  for (const [subject, micros] of round) rounds.add(subject, micros / 1e6 / gigabytes);
}
if (ours.server.plaintextBytes !== ROUNDS * ROUND_TURNS * TURN_BYTES) throw new Error('not all has come through');

const figure = (subject: string): Figure | null => rounds.figure(subject);
const result = {
  runtime: runtimeName(),
  unit: 'seconds of CPU per GB',
  seal: { ours: figure('our seal'), floor: figure('bare seal') },
  open: { ours: figure('our open'), floor: figure('bare open') },
  nodeTls: figure('node:tls, both'),
};
if (process.argv.includes('--json')) console.log(JSON.stringify(result));
else {
  console.log(`${result.runtime}: seconds of CPU per GB\n`);
  const rows = (['seal', 'open'] as const).map((name) => {
    const { ours: own, floor } = result[name];
    return [name, shown(own, 3), shown(floor, 3), ratio(own, floor)];
  });
  console.log(table([['', 'ours', 'floor', 'ours/floor'], ...rows]));
  console.log(`\nnode:tls, both directions: ${shown(result.nodeTls, 3)}`);
}
process.exit();
