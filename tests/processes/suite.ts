import { afterAll, expect } from 'bun:test';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bytes } from '../../src/core/bytes.ts';
import type { ServerScript } from '../support/scripted-server.ts';
import { ScriptedSocket, TcpPeer, writeAll } from '../support/tcp-peer.ts';
import { trustTestRoot } from '../support/test-pki.ts';
import { type Ending, type Result, readAll, TlsifyProcess } from '../support/tlsify-process.ts';

/** Outer limit of a test. Nothing is measured with it. */
export const TEST_LIMIT_MS = 120_000;

export interface ExpectedFailure {
  readonly code: number;
  readonly why: string;
  /** What stderr must tell. */
  readonly says: RegExp;
  /** Whether the handshake was complete before. Default: no. */
  readonly ready?: boolean;
}

/** One or two lines for people, one status line for programs, and the exit code agree on what happened. */
export function expectFailure(ending: Ending, { code, why, says, ready = false }: ExpectedFailure): void {
  expect(ending).toMatchObject({ code, signal: null });
  expect(ending.stderr).toMatch(/^tlsify: [^\n]+\n(tlsify: [^\n]+\n)?$/);
  expect(ending.stderr).toMatch(says);
  expect(ending.status.map(({ event }) => event)).toEqual(ready ? ['ready', 'failed'] : ['failed']);
  expect(ending.status.at(-1)).toMatchObject({ why, exit: code, advice: expect.any(String) });
}

const peers: TcpPeer[] = [];
afterAll(() => {
  for (const peer of peers) peer.close();
});

export async function listen(accept: (socket: Socket) => void | Promise<void>): Promise<TcpPeer> {
  const peer = await TcpPeer.listen(accept);
  peers.push(peer);
  return peer;
}

/** A peer that speaks TLS by a script; `then` begins when the handshake is done. */
export function listenScripted(
  script: ServerScript,
  then: (peer: ScriptedSocket, socket: Socket) => void | Promise<void> = () => {},
): Promise<TcpPeer> {
  return listen(async (socket) => {
    const peer = new ScriptedSocket(socket, script);
    await peer.heard(({ handshakeDone }) => handshakeDone);
    await then(peer, socket);
  });
}

export function connectArguments(port: number, ...options: string[]): string[] {
  return ['connect', `localhost:${port}`, ...trustTestRoot(), ...options];
}

export interface Watched extends Result {
  /** The most that was resident, in MiB. */
  readonly peakMemoryMib: number;
}

/** Connects with an input that stays open, and reads to the end. */
export async function meet(port: number, ...options: string[]): Promise<Watched> {
  const tlsify = new TlsifyProcess(connectArguments(port, ...options));
  const peak = peakMemoryMib(tlsify);
  const stdout = await readAll(tlsify.stdout);
  const ending = await tlsify.ending;
  return { ...ending, stdout, peakMemoryMib: await peak };
}

/** Sampled until the process ends. */
export async function peakMemoryMib(tlsify: TlsifyProcess): Promise<number> {
  let ended = false;
  void tlsify.ending.then(() => {
    ended = true;
  });
  let peak = 0;
  while (!ended) {
    peak = Math.max(peak, tlsify.peakMemoryMib ?? 0);
    await delay(10);
  }
  return peak;
}

/** Sends the same bytes until the connection breaks; settles with how many bytes the kernel took. */
export async function sendEndlessly(socket: Socket, bytes: Bytes): Promise<number> {
  let sent = 0;
  try {
    for (;;) {
      await writeAll(socket, bytes);
      sent += bytes.length;
    }
  } catch {
    return sent;
  }
}

export function record(type: number, body: Bytes, lengthBytes = body.length, version = 0x0303): Uint8Array {
  return Uint8Array.from([type, version >> 8, version & 0xff, lengthBytes >> 8, lengthBytes & 0xff, ...body]);
}
