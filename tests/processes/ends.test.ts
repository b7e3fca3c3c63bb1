import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { once } from 'node:events';
import { ascii } from '../../src/core/bytes.ts';
import { numberedStream } from '../support/numbered-stream.ts';
import type { ScriptedSocket } from '../support/tcp-peer.ts';
import { readAll, runTlsify, TlsifyProcess } from '../support/tlsify-process.ts';
import { connectArguments, expectFailure, listen, listenScripted, meet, TEST_LIMIT_MS } from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

const MIB = 2 ** 20;

describe('the network ends', () => {
  test('without close_notify: all that came before is delivered, and it is truncation', async () => {
    const sent = Buffer.concat([...numberedStream(MIB)]);
    const { port } = await listenScripted({}, async (peer, socket) => {
      peer.server.data(new Uint8Array(sent));
      await peer.flush();
      socket.end();
    });
    const result = await meet(port);
    expectFailure(result, { code: 74, why: 'truncated', says: /without a close_notify/, ready: true });
    expect(result.stdout.equals(sent)).toBe(true);
    expect(result.status.at(-1)).toMatchObject({ receivedBytes: MIB });
  });

  test('in the middle of a record', async () => {
    const { port } = await listenScripted({}, async (peer, socket) => {
      peer.server.data(ascii('whole')).data(new Uint8Array(1000));
      socket.end(peer.server.take().subarray(0, -1));
    });
    const result = await meet(port);
    expectFailure(result, { code: 74, why: 'truncated', says: /without a close_notify/, ready: true });
    expect(result.stdout.toString()).toBe('whole');
  });

  test('by a reset', async () => {
    const { port } = await listenScripted({}, async (peer, socket) => {
      peer.server.data(ascii('something'));
      await peer.flush();
      await peer.heard(({ plaintext }) => plaintext.length > 0);
      socket.resetAndDestroy();
    });
    const tlsify = new TlsifyProcess(connectArguments(port));
    const stdout = readAll(tlsify.stdout);
    await tlsify.status('ready');
    await tlsify.write([ascii('anything')]);
    expectFailure(await tlsify.ending, { code: 74, why: 'truncated', says: /reset by peer/, ready: true });
    expect((await stdout).toString()).toBe('something');
  });

  test('after its close_notify: cleanly, be the input open or not', async () => {
    const { port } = await listenScripted({}, async (peer, socket) => {
      peer.server.data(ascii('all')).alert(1, 'close_notify');
      await peer.flush();
      socket.end();
    });
    const result = await runTlsify(connectArguments(port), 'input');
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout.toString()).toBe('all');
  });
});

describe('the application ends', () => {
  test('its input: close_notify is sent behind all of it', async () => {
    const sent = Buffer.concat([...numberedStream(MIB)]);
    let scripted: ScriptedSocket | undefined;
    const { port } = await listenScripted({}, async (peer, socket) => {
      scripted = peer;
      await peer.heard(({ alerts }) => alerts.length > 0);
      peer.server.alert(1, 'close_notify');
      await peer.flush();
      socket.end();
    });
    expect(await runTlsify(connectArguments(port), sent)).toMatchObject({ code: 0, stderr: '' });
    expect(Buffer.concat(scripted?.server.plaintext ?? []).equals(sent)).toBe(true);
    expect(scripted?.server.alerts).toEqual([{ level: 1, name: 'close_notify' }]);
  });

  test('its reading, while more comes: that is an exit code, not a death by SIGPIPE', async () => {
    const { port } = await listenScripted({}, async (peer, socket) => {
      while (!socket.destroyed) {
        peer.server.data(new Uint8Array(65536));
        await peer.flush();
      }
    });
    const tlsify = new TlsifyProcess(connectArguments(port));
    await once(tlsify.stdout, 'readable');
    tlsify.stdout.destroy();
    expectFailure(await tlsify.ending, { code: 74, why: 'application-gone', says: /went away/, ready: true });
  });

  test('its reading and its input, while the peer is silent and not at its end: no exit code 0 for a part of the data', async () => {
    const { port } = await listenScripted({}, async (peer) => {
      peer.server.data(ascii('a part'));
      await peer.flush();
      await peer.heard(({ plaintext }) => plaintext.length > 0); // never: it stays silent
    });
    const tlsify = new TlsifyProcess(connectArguments(port));
    await once(tlsify.stdout, 'readable');
    tlsify.stdin.end();
    tlsify.stdout.destroy();
    expectFailure(await tlsify.ending, { code: 74, why: 'application-gone', says: /went away/, ready: true });
  });

  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)
    test(`by ${signal}: the peer gets a close_notify`, async () => {
      let scripted: ScriptedSocket | undefined;
      let gone: Promise<unknown> = Promise.resolve();
      const { port } = await listenScripted({}, (peer, socket) => {
        scripted = peer;
        gone = once(socket, 'end');
      });
      const tlsify = new TlsifyProcess(connectArguments(port));
      await tlsify.status('ready');
      tlsify.kill(signal);
      const ending = await tlsify.ending;
      expect(ending).toMatchObject({ code, signal: null, stderr: '' });
      expect(ending.status.at(-1)).toMatchObject({ event: 'closed', signal, exit: code });
      await gone;
      expect(scripted?.server.alerts.at(-1)).toEqual({ level: 1, name: 'close_notify' });
    });

  test('by SIGTERM, while the peer is silent in the handshake', async () => {
    let helloCame = (): void => {};
    const hello = new Promise<void>((resolve) => {
      helloCame = resolve;
    });
    const { port } = await listen((socket) => {
      socket.once('data', helloCame);
    });
    const tlsify = new TlsifyProcess(connectArguments(port));
    await hello;
    tlsify.kill('SIGTERM');
    const ending = await tlsify.ending;
    expect(ending).toMatchObject({ code: 143, signal: null, stderr: '' });
    expect(ending.status).toMatchObject([{ event: 'closed', signal: 'SIGTERM' }]);
  });

  test('nothing by SIGPIPE, which is ignored', async () => {
    const { port } = await listenScripted({}, async (peer, socket) => {
      await peer.heard(({ plaintext }) => plaintext.length > 0);
      peer.server.data(ascii('still here')).alert(1, 'close_notify');
      await peer.flush();
      socket.end();
    });
    const tlsify = new TlsifyProcess(connectArguments(port));
    await tlsify.status('ready');
    tlsify.kill('SIGPIPE');
    tlsify.stdin.end('go on');
    expect((await readAll(tlsify.stdout)).toString()).toBe('still here');
    expect(await tlsify.ending).toMatchObject({ code: 0, stderr: '' });
  });
});
