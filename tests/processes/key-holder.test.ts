import { afterEach, expect, test } from 'bun:test';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Bytes } from '../../src/core/bytes.ts';
import { LIMITS } from '../../src/core/limits.ts';
import type { Answer, Ticket } from '../../src/engine/connection.ts';
import type { CredentialOption } from '../../src/engine/credentials.ts';
import { keyTypeOf } from '../../src/engine/peer-certificate.ts';
import { KeyChannel } from '../../src/keys/client/key-channel.ts';
import { encodeRequest, type Request } from '../../src/keys/wire/requests.ts';
import { AF, ERRNO, SOCK } from '../../src/os/constants.ts';
import { loadNative } from '../../src/os/load.ts';
import { Poller } from '../../src/os/poller.ts';
import { Dice, mutate } from '../fuzz/mutate.ts';
import { serverCertificate } from '../support/certificates.ts';
import { echKey, heldEchKey } from '../support/ech-keys.ts';
import type { HolderSettings } from '../support/key-holder.ts';
import { converse13 } from '../support/pair13.ts';

const native = loadNative();
const LEAVES = {
  site: serverCertificate(undefined, { dns: ['localhost'] }, { key: 'p256' }),
  rsa: serverCertificate(undefined, { dns: ['localhost'] }, { key: 'rsa-2048' }),
  me: serverCertificate(undefined, { dns: ['localhost'] }, { key: 'ed25519' }),
};
const ECH = heldEchKey('ech');
const SETTINGS: HolderSettings = {
  keys: Object.entries(LEAVES).map(([name, { key }]) => ({
    name,
    role: name === 'me' ? 'client' : 'server',
    pem: key.privatePem,
  })),
  echKeys: [
    {
      name: ECH.name,
      pem: String(ECH.privateKey.export({ format: 'pem', type: 'pkcs8' })),
      config: ECH.config.encoded.toHex(),
    },
  ],
  requestsPerSecond: 1_000_000,
};

function credential(key: keyof typeof LEAVES): CredentialOption {
  const { der, key: held } = LEAVES[key];
  const keyType = keyTypeOf(held.spki);
  if (keyType === null) throw new Error('a weak key');
  const schemes = { site: 'ecdsa_secp256r1_sha256', rsa: 'rsa_pss_rsae_sha256', me: 'ed25519' } as const;
  return { credential: { chain: [der], key }, keyType, schemes: [schemes[key]] };
}

/** A holder in another process, and this end of its clients' sockets. */
class Holder {
  readonly fds: readonly number[];
  stderr = '';
  readonly #child: ChildProcess;

  constructor(clients: number, settings: Partial<HolderSettings> = {}) {
    const pairs = Array.from({ length: clients }, () => {
      const fds = new Int32Array(2);
      expect(native.socketpair(AF.UNIX, SOCK.SEQPACKET, fds)).toBe(0);
      return fds as unknown as readonly [number, number];
    });
    this.fds = pairs.map(([ours]) => ours);
    this.#child = spawn(process.execPath, [join(import.meta.dir, '../support/key-holder.ts'), `${clients}`], {
      stdio: ['pipe', 'ignore', 'pipe', ...pairs.map(([, theirs]) => theirs)],
    });
    this.#child.stdin?.end(JSON.stringify({ ...SETTINGS, ...settings }));
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    for (const [, theirs] of pairs) native.close(theirs);
  }

  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(name);
  }

  /** Closes what is left of this end. @returns the exit code */
  async end(): Promise<number | null> {
    const ended = once(this.#child, 'close');
    for (const fd of this.fds) native.close(fd);
    if (this.#child.exitCode === null && this.#child.signalCode === null) await ended;
    return this.#child.exitCode;
  }
}

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A channel over `fd`, whose poller turns until the test is over. */
function channel(fd: number, keys: readonly (keyof typeof LEAVES)[] = ['site'], timeoutMs = 60_000): KeyChannel {
  const poller = new Poller(native);
  const credentials = keys.map(credential);
  const made = new KeyChannel({ native, poller, fd, timeoutMs, credentials, unknownName: 'show-first' });
  let ended = false;
  const turn = () => {
    if (ended) return;
    poller.turn(1);
    setImmediate(turn);
  };
  turn();
  ends.push(() => {
    ended = true;
    made.end();
  });
  return made;
}

const HASH = new Uint8Array(32).fill(3);
const sign = (keys: KeyChannel, key = 'site') =>
  keys.keysOfConnection().sign({
    effect: 'sign',
    key,
    scheme: 'ecdsa_secp256r1_sha256',
    content: { version: 'TLSv1.3', role: 'server', transcriptHash: HASH },
  });
const why = (answer: Answer) => (answer.answer === 'refused' ? answer.failure.why : answer.answer);

test('handshakes of both versions, with both ends’ keys in another process: signatures, tickets and cookies', async () => {
  const holder = new Holder(2);
  const [serverKeys, clientKeys] = [
    channel(holder.fds[0] as number, ['site', 'rsa']),
    channel(holder.fds[1] as number, ['me']),
  ];
  for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
    const range = { minVersion: version, maxVersion: version } as const;
    const { client, server } = await converse13({
      client: {
        ...range,
        keepTickets: true,
        ...(version === 'TLSv1.3' ? { groups: ['secp256r1', 'x25519'], keyShareGroups: ['secp256r1'] } : {}),
      },
      server: {
        ...range,
        groups: ['x25519'],
        clientCertificate: 'required',
        ticketCount: 1,
        ticketLifetimeSeconds: 3600,
        statelessRetry: true,
      },
      serverKeys: serverKeys.keysOfConnection(),
      clientKeys: clientKeys.keysOfConnection(),
    });
    expect(client.failure).toBeUndefined();
    expect(server.failure).toBeUndefined();
    expect(client.session?.version).toBe(version);
    expect(client.session?.signatureScheme).toBe('ecdsa_secp256r1_sha256');
    expect(server.session?.signatureScheme).toBe('ed25519');
    expect(server.effects.map(({ effect }) => effect)).toContain('sign');
    const sealed = server.effects.flatMap((effect) => (effect.effect === 'seal-ticket' ? [effect.purpose] : []));
    expect(client.session?.helloRetryRequest).toBe(version === 'TLSv1.3');
    expect(sealed).toEqual(version === 'TLSv1.3' ? ['cookie', 'ticket'] : ['ticket']);
  }
  expect(await holder.end()).toBe(0);
  expect(holder.stderr).toBe('client 0: gone\nclient 1: gone\n');
});

/** What its hostile clients and these tests write themselves. */
const SIGN: Request = {
  request: 'sign',
  number: 1,
  handshake: 1,
  key: 'site',
  scheme: 'ecdsa_secp256r1_sha256',
  content: { version: 'TLSv1.3', role: 'server', transcriptHash: HASH },
};
const send = (fd: number, message: Bytes) => native.send(fd, message, 0, message.length);

test('a ticket resumes one session, and the next handshake with it is a full one', async () => {
  const holder = new Holder(1);
  const keys = channel(holder.fds[0] as number);
  const connect = (session: Ticket | null) =>
    converse13({
      client: { keepTickets: true, session },
      server: { ticketCount: 1, ticketLifetimeSeconds: 3600 },
      serverKeys: keys.keysOfConnection(),
    });
  const ticket = (await connect(null)).client.tickets[0] as Ticket;
  for (const resumed of [true, false]) {
    const { client, server } = await connect(ticket);
    expect(client.failure).toBeUndefined();
    expect(server.session?.resumed).toBe(resumed);
  }
  await holder.end();
});

test('Encrypted Client Hello is opened in another process', async () => {
  const holder = new Holder(1);
  const { client, server } = await converse13({
    client: { ech: [ECH.config], serverName: 'secret.example' },
    server: { ech: [echKey(ECH)] },
    serverKeys: channel(holder.fds[0] as number).keysOfConnection(),
  });
  expect(client.failure).toBeUndefined();
  expect(server.session?.ech).toBe('accepted');
  await holder.end();
});

test('any number of questions is under way at a time, and each has its own answer', async () => {
  const holder = new Holder(1);
  const keys = channel(holder.fds[0] as number);
  const answers = await Promise.all(Array.from({ length: 200 }, () => sign(keys)));
  expect(answers.map(why)).toEqual(new Array(200).fill('signed'));
  const signatures = new Set(answers.map((answer) => (answer as { signature: Bytes }).signature.toHex()));
  expect(signatures.size).toBe(200);
  await holder.end();
});

test('a connection has one signature', async () => {
  const holder = new Holder(1);
  const keys = channel(holder.fds[0] as number).keysOfConnection();
  const effect = { effect: 'sign', key: 'site', scheme: 'ecdsa_secp256r1_sha256', content: SIGN.content } as const;
  expect(why(await keys.sign(effect))).toBe('signed');
  expect(why(await keys.sign(effect))).toBe('internal-error');
  await holder.end();
});

test('clients that ask what they may not end alone: the others are served, and the log says why', async () => {
  const attacks: readonly Bytes[] = [
    encodeRequest({ ...SIGN, key: 'me' }),
    encodeRequest({ ...SIGN, content: { version: 'TLSv1.3', role: 'client', transcriptHash: HASH } }),
    encodeRequest({ ...SIGN, key: 'of-another-client' }),
    encodeRequest({ ...SIGN, handshake: 0 }),
    encodeRequest(SIGN).subarray(1),
    new Uint8Array(LIMITS.keyMessageBytes + 1),
    new Uint8Array(1),
  ];
  const holder = new Holder(attacks.length + 1);
  const keys = channel(holder.fds[attacks.length] as number);
  expect(why(await sign(keys))).toBe('signed');
  for (const [index, attack] of attacks.entries())
    expect(send(holder.fds[index] as number, attack)).toBe(attack.length);
  expect(why(await sign(keys))).toBe('signed');
  for (const fd of holder.fds.slice(0, -1)) expect(await ended(fd)).toBe(true);
  expect(why(await sign(keys))).toBe('signed');
  expect(await holder.end()).toBe(0);
  const lines = holder.stderr.trimEnd().split('\n');
  expect(lines.length).toBe(attacks.length + 1);
  for (const line of lines.slice(0, -1)) expect(line).toMatch(/^client [0-6]: (?!gone)/);
  expect(lines.at(-1)).toBe('client 7: gone');
});

test('mutated messages end clients, never the holder', async () => {
  const clients = 40;
  const holder = new Holder(clients + 1);
  const keys = channel(holder.fds[clients] as number);
  const dice = new Dice(5);
  const seeds = [SIGN, { request: 'open-ticket', number: 2, purpose: 'ticket', ticket: HASH } as const].map(
    encodeRequest,
  );
  for (const fd of holder.fds.slice(0, -1))
    for (let count = 0; count < 50; count++) send(fd, mutate(seeds[count % 2] as Bytes, seeds[0] as Bytes, dice));
  for (let count = 0; count < 20; count++) expect(why(await sign(keys))).toBe('signed');
  expect(await holder.end()).toBe(0);
  expect(holder.stderr).not.toContain('of ours');
});

test('ten thousand requests of a client that does not read fill its own socket alone', async () => {
  const holder = new Holder(2);
  const [flooding, honest] = holder.fds as [number, number];
  const keys = channel(honest);
  const open = encodeRequest({ request: 'open-ticket', number: 2, purpose: 'ticket', ticket: HASH });
  let sent = 0;
  let full = 0;
  for (let count = 0; count < 10_000; count++) {
    if (send(flooding, open) > 0) sent += 1;
    else full += 1;
    if (count % 500 === 0) expect(why(await sign(keys))).toBe('signed');
  }
  expect(full).toBeGreaterThan(0);
  expect(sent).toBeLessThan(5000);
  expect(why(await sign(keys))).toBe('signed');
  expect(await holder.end()).toBe(0);
});

test('a rate that is used up is a refusal with a code', async () => {
  const holder = new Holder(1, { requestsPerSecond: 1 });
  const keys = channel(holder.fds[0] as number);
  const answers = (await Promise.all([sign(keys), sign(keys), sign(keys)])).map(why);
  expect(answers[0]).toBe('signed');
  expect(answers.slice(1)).toEqual(['key-holder-refused', 'key-holder-refused']);
  await holder.end();
});

test('a holder that is killed is a failure of all that is under way, and of all that comes', async () => {
  const holder = new Holder(1);
  const keys = channel(holder.fds[0] as number);
  expect(why(await sign(keys))).toBe('signed');
  holder.signal('SIGSTOP');
  const waiting = Promise.all([sign(keys), sign(keys)]);
  holder.signal('SIGKILL');
  expect((await waiting).map(why)).toEqual(['key-holder-gone', 'key-holder-gone']);
  expect(why(await sign(keys))).toBe('key-holder-gone');
  const { client, server } = await converse13({ serverKeys: keys.keysOfConnection() });
  expect(server.failure?.why).toBe('key-holder-gone');
  expect(client.failure?.detail).toContain('internal_error');
  await holder.end();
});

test('a holder that does not answer in time is a failure; a late answer harms nobody', async () => {
  const holder = new Holder(1);
  const fd = holder.fds[0] as number;
  const patient = channel(fd);
  expect(why(await sign(patient))).toBe('signed');
  for (const end of ends.splice(0)) end();
  const keys = channel(fd, ['site'], 50);
  holder.signal('SIGSTOP');
  const first = await openAnything(keys);
  expect(why(first)).toBe('key-holder-timed-out');
  const more = await Promise.all(Array.from({ length: LIMITS.keyRequestsPending }, () => openAnything(keys)));
  // The one that is late still has its place.
  expect(more.map(why).filter((code) => code === 'key-holder-refused').length).toBe(1);
  holder.signal('SIGCONT');
  let answer = await openAnything(keys);
  while (why(answer) !== 'ticket-opened') {
    await new Promise((resolve) => setImmediate(resolve));
    answer = await openAnything(keys);
  }
  await holder.end();
});

const openAnything = (keys: KeyChannel) =>
  keys.keysOfConnection().openTicket({ effect: 'open-ticket', purpose: 'ticket', ticket: HASH });

/** Whether the other end closes it, and says nothing before. */
async function ended(fd: number): Promise<boolean> {
  const buffer = new Uint8Array(64);
  for (;;) {
    const length = native.receive(fd, buffer, 0, buffer.length);
    if (length !== -ERRNO.EAGAIN) return length === 0 || length === -ERRNO.ECONNRESET;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
