import { afterAll, describe, expect, test } from 'bun:test';
import type { NamedGroup, SignatureScheme } from '../../src/crypto/provider.ts';
import type { ServerFiles } from '../support/certificates.ts';
import type { KeyKind } from '../support/keys.ts';
import { Fingerprint, fingerprintOf, numberedStream } from '../support/numbered-stream.ts';
import { type PeerCommand, PeerProcess } from '../support/peer-process.ts';
import { localEd448Server, localServer, trustTestRoot } from '../support/test-pki.ts';
import { type Result, readAll, runTlsify, TlsifyProcess } from '../support/tlsify-process.ts';

export const MIB = 2 ** 20;
export const GIB = 2 ** 30;

/** Outer limit of one test, far above what it takes. */
export const TEST_LIMIT_MS = 300_000;

export interface ServeOptions {
  /** The only one that the peer is to speak. Default: TLSv1.3. */
  readonly version?: 'TLSv1.3' | 'TLSv1.2';
  readonly files: ServerFiles;
  readonly suites?: readonly string[];
  readonly groups?: readonly NamedGroup[];
  readonly alpn?: readonly string[];
  /** PEM file of the CA that clients must have a certificate of. */
  readonly trusted?: string;
}

/** What the handshake tests need to know of one peer. */
export interface HandshakePeer {
  readonly command: (port: number, options: ServeOptions) => PeerCommand;
  /** The smallest exchange over its connection. */
  readonly request: string;
  readonly response: RegExp;
  /** Once it has our close_notify, it closes TCP before its own: so our input stays open until its end. */
  readonly cannotHalfClose?: boolean;
  /** In TLS 1.2 it sends nothing more once it has our close_notify, as RFC 5246 section 7.2.1 demands: others half-close there, too. */
  readonly endsAtCloseNotify12?: boolean;
  /** Those that can be asked for one by one, of both versions, by the registry's names. */
  readonly suites: readonly string[];
  readonly groups: readonly NamedGroup[];
  readonly keys: Readonly<Partial<Record<KeyKind, SignatureScheme>>>;
  /** For TLS 1.2, beside its suites. */
  readonly groups12?: readonly NamedGroup[];
  readonly keys12?: readonly KeyKind[];
  readonly hasEd448?: boolean;
}

export const SUITES_13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

export const SUITES_12 = ['ECDSA', 'RSA'].flatMap((key) =>
  ['AES_128_GCM_SHA256', 'AES_256_GCM_SHA384', 'CHACHA20_POLY1305_SHA256'].map(
    (rest) => `TLS_ECDHE_${key}_WITH_${rest}`,
  ),
);

/** OpenSSL has names of its own for them: ECDHE-ECDSA-AES128-GCM-SHA256. */
export function opensslName12(suite: string): string {
  const [, key, rest = ''] = /^TLS_ECDHE_(\w+?)_WITH_(\w+)$/.exec(suite) ?? [];
  return `ECDHE-${key}-${rest.replace('AES_', 'AES').replace('POLY1305_SHA256', 'POLY1305').replaceAll('_', '-')}`;
}

/** The groups whose shares are in the first ClientHello; any other takes a HelloRetryRequest. */
const SENT_SHARES: readonly NamedGroup[] = ['X25519MLKEM768', 'x25519'];

/** Every suite, group and kind of key of `peer`, each asked for alone: the status line must name exactly that. */
export function describeHandshakes(peer: HandshakePeer): void {
  describe('handshake', () => {
    for (const suite of peer.suites) test(`suite ${suite}`, () => expectSession(peer, optionsFor(suite), { suite }));
    for (const group of peer.groups) {
      const helloRetryRequest = !SENT_SHARES.includes(group);
      test(`group ${group}${helloRetryRequest ? ' by HelloRetryRequest' : ''}`, () =>
        expectSession(peer, { groups: [group] }, { group, helloRetryRequest }));
    }
    for (const [key, signatureScheme] of Object.entries(peer.keys) as [KeyKind, SignatureScheme][])
      test(`${key} certificate, signature ${signatureScheme}`, () =>
        expectSession(peer, { files: localServer(key) }, { signatureScheme }));
    for (const group of peer.groups12 ?? [])
      test(`TLS 1.2, group ${group}`, () =>
        // With RSA: in TLS 1.2 the groups are also the curves that a certificate may have (RFC 8422 section 5.1).
        expectSession(peer, { version: 'TLSv1.2', groups: [group], files: localServer('rsa-2048') }, { group }));
    for (const key of peer.keys12 ?? [])
      test(`TLS 1.2, ${key} certificate`, () =>
        expectSession(peer, { version: 'TLSv1.2', files: localServer(key) }, {}));
    if (peer.hasEd448 === true)
      for (const version of ['TLSv1.3', 'TLSv1.2'] as const)
        test(`${version}, ed448 certificate`, () =>
          expectSession(peer, { version, files: localEd448Server() }, { signatureScheme: 'ed448' }));
  });
}

/** A suite of TLS 1.2 belongs to one kind of key. */
function optionsFor(suite: string): Partial<ServeOptions> {
  const suites = [suite];
  if (!suite.includes('_WITH_')) return { suites };
  return { suites, version: 'TLSv1.2', files: localServer(suite.includes('_ECDSA_') ? 'p256' : 'rsa-2048') };
}

async function expectSession(
  peer: HandshakePeer,
  options: Partial<ServeOptions>,
  facts: Readonly<Record<string, unknown>>,
): Promise<void> {
  const service = await startPeer((port) => peer.command(port, { files: localServer(), ...options }));
  const result = await (peer.cannotHalfClose === true ? talkTo : connectTo)(service, peer.request);
  expectClean(result);
  expect(result.status[0]).toMatchObject({ event: 'ready', version: options.version ?? 'TLSv1.3', ...facts });
  expect(result.stdout.toString('latin1')).toMatch(peer.response);
  await service.stop();
}

const started = new Set<PeerProcess>();
afterAll(() => Promise.all([...started].map((peer) => peer.stop())));

type Listening = Pick<PeerProcess, 'port'>;

/** As {@link PeerProcess.start}; stopped after the file's tests at the latest. */
export async function startPeer(command: (port: number) => PeerCommand): Promise<PeerProcess> {
  const peer = await PeerProcess.start(command);
  started.add(peer);
  return peer;
}

/** `tlsify connect localhost:PORT` that trusts the test root; writes `input`, ends stdin, and reads to the end. */
export function connectTo(peer: Listening, input: string | Uint8Array, ...options: string[]): Promise<Result> {
  return runTlsify(connectArguments(peer, ...options), input);
}

/** As {@link connectTo}, but stdin ends only after stdout. */
export async function talkTo(peer: Listening, input: string, ...options: string[]): Promise<Result> {
  const tlsify = new TlsifyProcess(connectArguments(peer, ...options));
  await tlsify.write([Buffer.from(input, 'latin1')]);
  const stdout = await readAll(tlsify.stdout);
  tlsify.stdin.end();
  return { ...(await tlsify.ending), stdout };
}

export function connectArguments(peer: Listening, ...options: string[]): string[] {
  return ['connect', `localhost:${peer.port}`, ...trustTestRoot(), ...options];
}

/** Exit code 0, nothing on stderr, and `ready` then `closed` on the status descriptor. */
export function expectClean(result: Omit<Result, 'stdout'>): void {
  expect(result).toMatchObject({ code: 0, signal: null, stderr: '' });
  expect(result.status.map(({ event }) => event)).toEqual(['ready', 'closed']);
}

/**
 * Sends `input` while receiving, and returns what came back as a fingerprint. stdin ends behind the input, or stays open to the end.
 */
export async function transfer(
  peer: PeerProcess,
  input: Iterable<Uint8Array>,
  stdin: 'half-close' | 'stay-open' = 'half-close',
): Promise<{ readonly result: Omit<Result, 'stdout'>; readonly received: string }> {
  const tlsify = new TlsifyProcess(connectArguments(peer));
  const sending = tlsify.write(input).then(() => {
    if (stdin === 'half-close') tlsify.stdin.end();
  });
  const received = new Fingerprint();
  for await (const chunk of tlsify.stdout) received.add(chunk);
  await sending;
  tlsify.stdin.end();
  return { result: await tlsify.ending, received: received.toString() };
}

export function* withCommand(command: string, body: Iterable<Uint8Array> = []): Generator<Uint8Array> {
  yield Buffer.from(`${command}\n`, 'latin1');
  yield* body;
}

/** The commands of `peers/README.md`, for the peers that are written for them. */
export function describeCommands(peer: Pick<HandshakePeer, 'command' | 'endsAtCloseNotify12'>): void {
  const serve = (options: Partial<ServeOptions> = {}): Promise<PeerProcess> =>
    startPeer((port) => peer.command(port, { files: localServer(), ...options }));

  describe('names and protocols', () => {
    test('the host is sent as server name', async () => {
      const result = await connectTo(await serve(), 'facts\n');
      expectClean(result);
      expect(result.stdout.toString()).toBe('sni=localhost alpn=- client=no\n');
    });

    test('--sni none sends no server name, and the certificate is still verified', async () => {
      const result = await connectTo(await serve(), 'facts\n', '--sni', 'none');
      expectClean(result);
      expect(result.stdout.toString()).toBe('sni=- alpn=- client=no\n');
    });

    test('ALPN: the peer chooses one of ours', async () => {
      const result = await connectTo(await serve({ alpn: ['imap'] }), 'facts\n', '--alpn', 'h2,imap');
      expectClean(result);
      expect(result.stdout.toString()).toBe('sni=localhost alpn=imap client=no\n');
      expect(result.status[0]).toMatchObject({ alpn: 'imap' });
    });
  });

  describe('data', () => {
    test('downloads 1 GiB', async () => {
      const { result, received } = await transfer(await serve(), withCommand(`download ${GIB}`));
      expectClean(result);
      expect(received).toBe(fingerprintOf(numberedStream(GIB)));
    });

    for (const [version, size, bytes] of [
      ['TLSv1.3', '1 GiB', GIB],
      ['TLSv1.2', '64 MiB', 64 * MIB],
    ] as const)
      test(`${version}: uploads ${size}, half-closes, and gets the answer`, async () => {
        const result = await upload(await serve({ version }), bytes);
        expectClean(result);
        const ends = version === 'TLSv1.2' && peer.endsAtCloseNotify12 === true;
        expect(result.stdout).toBe(ends ? '' : `${fingerprintOf(numberedStream(bytes))}\n`);
      });

    test('TLSv1.2: --keep-open gets the answer, whatever the peer does at a close_notify', async () => {
      const result = await connectTo(await serve({ version: 'TLSv1.2' }), 'facts\n', '--keep-open');
      expectClean(result);
      expect(result.stdout.toString()).toBe('sni=localhost alpn=- client=no\n');
    });

    for (const version of ['TLSv1.3', 'TLSv1.2'] as const)
      test(`${version}: echoes in both directions at once`, async () => {
        const bytes = 64 * MIB;
        const tlsify = new TlsifyProcess(connectArguments(await serve({ version })));
        const sending = tlsify.write(withCommand('echo', numberedStream(bytes)));
        const received = new Fingerprint();
        await take(tlsify.stdout, received, bytes);
        await sending;
        tlsify.stdin.end();
        const ending = await tlsify.ending;
        expectClean(ending);
        expect(ending.status[0]).toMatchObject({ version });
        expect(`${received}`).toBe(fingerprintOf(numberedStream(bytes)));
      });

    test('sends on after the peer has half-closed', async () => {
      const service = await serve();
      const tlsify = new TlsifyProcess(connectArguments(service));
      await tlsify.write([Buffer.from('farewell\n')]);
      let text = '';
      for await (const chunk of tlsify.stdout) text += String(chunk);
      expect(text).toBe('farewell');
      const rest = [...numberedStream(MIB)];
      await tlsify.write(rest);
      tlsify.stdin.end();
      expect(await service.line(/^received/)).toBe(`received ${fingerprintOf(rest)}`);
      expectClean(await tlsify.ending);
    });
  });
}

/** For peers whose library makes new keys when told to: with our stdin open to the end, and with our side closed before. */
export function describeKeyUpdates(peer: Pick<HandshakePeer, 'command'>): void {
  const serve = (): Promise<PeerProcess> => startPeer((port) => peer.command(port, { files: localServer() }));

  test('key updates under load, both directions open', async () => {
    const tlsify = new TlsifyProcess(connectArguments(await serve()));
    const sending = tlsify.write(withCommand('rekey', numberedStream(32 * MIB)));
    const received = new Fingerprint();
    await take(tlsify.stdout, received, 32 * MIB);
    await sending;
    tlsify.stdin.end();
    expectClean(await tlsify.ending);
    expect(`${received}`).toBe(fingerprintOf(numberedStream(32 * MIB)));
  });

  test('key updates that come after our close_notify', async () => {
    const { result, received } = await transfer(await serve(), withCommand('rekey', numberedStream(32 * MIB)));
    expectClean(result);
    expect(received).toBe(fingerprintOf(numberedStream(32 * MIB)));
  });
}

async function upload(peer: PeerProcess, bytes: number): Promise<Omit<Result, 'stdout'> & { stdout: string }> {
  const tlsify = new TlsifyProcess(connectArguments(peer));
  const sending = tlsify.write(withCommand('upload', numberedStream(bytes))).then(() => tlsify.stdin.end());
  let stdout = '';
  for await (const chunk of tlsify.stdout) stdout += String(chunk);
  await sending;
  return { ...(await tlsify.ending), stdout };
}

/** Reads exactly `bytes`, leaving the stream open. */
export async function take(stream: NodeJS.ReadableStream, into: Fingerprint, bytes: number): Promise<void> {
  let left = bytes;
  await new Promise<void>((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      into.add(chunk);
      left -= chunk.length;
      if (left > 0) return;
      finish();
      if (left < 0) reject(new Error(`${-left} bytes more than were sent`));
      else resolve();
    };
    const onEnd = (): void => {
      finish();
      reject(new Error(`the stream ended ${left} bytes early`));
    };
    const finish = (): void => {
      stream.pause();
      stream.off('data', onData).off('end', onEnd);
    };
    stream.on('data', onData).on('end', onEnd).resume();
  });
}
