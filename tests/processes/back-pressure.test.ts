import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, createReadStream, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Fingerprint, fingerprintOf, numberedStream } from '../support/numbered-stream.ts';
import { scratchPath } from '../support/scratch.ts';
import type { ScriptedSocket } from '../support/tcp-peer.ts';
import { MEMORY_BOUND_MIB, TlsifyProcess } from '../support/tlsify-process.ts';
import { connectArguments, expectFailure, listenScripted, TEST_LIMIT_MS } from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

/** Far more than all buffers of kernel and process together. */
const STREAM_BYTES = 256 * 2 ** 20;

/** What the kernel and the process may hold of a stream that nobody reads. */
const HELD_BYTES = 64 * 2 ** 20;

describe('a reader that stalls', () => {
  test('stops the peer, with bounded memory; when it reads on, nothing is lost', async () => {
    let sent = 0;
    const { port } = await listenScripted({}, async (peer, socket) => {
      for (const chunk of numberedStream(STREAM_BYTES)) {
        peer.server.data(new Uint8Array(chunk));
        await peer.flush();
        sent += chunk.length;
      }
      peer.server.alert(1, 'close_notify');
      await peer.flush();
      socket.end();
    });
    const { tlsify, open } = startWithUnreadOutput(port);
    await untilStill(() => sent);
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThan(HELD_BYTES);
    expect(tlsify.peakMemoryMib).toBeLessThan(MEMORY_BOUND_MIB);

    const received = new Fingerprint();
    for await (const chunk of open()) received.add(chunk as Buffer);
    expect(`${received}`).toBe(fingerprintOf(numberedStream(STREAM_BYTES)));
    tlsify.stdin.end();
    expect(await tlsify.ending).toMatchObject({ code: 0, stderr: '' });
  });

  test('does not keep a signal from being heard', async () => {
    let sent = 0;
    const { port } = await listenScripted({}, async (peer) => {
      for (const chunk of numberedStream(STREAM_BYTES)) {
        peer.server.data(new Uint8Array(chunk));
        await peer.flush();
        sent += chunk.length;
      }
    });
    const { tlsify } = startWithUnreadOutput(port);
    await untilStill(() => sent);
    tlsify.kill('SIGTERM');
    expect(await tlsify.ending).toMatchObject({ code: 143, signal: null });
  });

  test('does not last longer than --idle-timeout', async () => {
    const { port } = await listenScripted({}, async (peer) => {
      for (const chunk of numberedStream(STREAM_BYTES)) {
        peer.server.data(new Uint8Array(chunk));
        await peer.flush();
      }
    });
    const { tlsify } = startWithUnreadOutput(port, '--idle-timeout', '1');
    expectFailure(await tlsify.ending, {
      code: 75,
      why: 'idle-timeout',
      says: /no data in either direction/,
      ready: true,
    });
  });
});

describe('a peer that stops reading', () => {
  test('stops our input, with bounded memory; when it reads on, nothing is lost', async () => {
    let socketOfPeer: Socket | undefined;
    let scripted: ScriptedSocket | undefined;
    const { port } = await listenScripted({}, async (peer, socket) => {
      socketOfPeer = socket.pause();
      scripted = peer;
      await peer.heard(({ alerts }) => alerts.length > 0);
      peer.server.alert(1, 'close_notify');
      await peer.flush();
      socket.end();
    });
    const tlsify = new TlsifyProcess(connectArguments(port));
    await tlsify.status('ready');
    let taken = 0;
    const bytes = 64 * 2 ** 20;
    const writing = (async () => {
      for (const chunk of numberedStream(bytes)) {
        await tlsify.write([chunk]);
        taken += chunk.length;
      }
      tlsify.stdin.end();
    })();
    await untilStill(() => taken);
    expect(taken).toBeLessThan(bytes);
    expect(tlsify.peakMemoryMib).toBeLessThan(MEMORY_BOUND_MIB);

    socketOfPeer?.resume();
    await writing;
    tlsify.stdout.resume();
    expect(await tlsify.ending).toMatchObject({ code: 0, stderr: '' });
    expect(fingerprintOf(scripted?.server.plaintext ?? [])).toBe(fingerprintOf(numberedStream(bytes)));
  });
});

/** Its stdout is a FIFO that nobody reads until `open()`. */
function startWithUnreadOutput(port: number, ...options: string[]) {
  const fifo = scratchPath('fifo');
  execFileSync('mkfifo', [fifo]);
  const holder = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  const writer = openSync(fifo, constants.O_WRONLY);
  const tlsify = new TlsifyProcess(connectArguments(port, ...options), { stdout: writer });
  closeSync(writer);
  const open = () => {
    const reader = createReadStream(fifo);
    reader.once('open', () => closeSync(holder));
    return reader;
  };
  return { tlsify, open };
}

/** Waits until the number has grown, and then has not for a second: what is full by then stays full. */
async function untilStill(count: () => number): Promise<void> {
  for (let before = -1, still = 0; still < 10; ) {
    const now = count();
    still = now === before && now > 0 ? still + 1 : 0;
    before = now;
    await delay(100);
  }
}
