import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { once } from 'node:events';
import { MEMORY_BOUND_MIB } from '../support/tlsify-process.ts';
import { expectFailure, listen, meet, sendEndlessly, TEST_LIMIT_MS } from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

const HTTP =
  'HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>The plain HTTP request was sent…</html>\r\n';
const SMTP = '220 mail.example ESMTP\r\n';
const NOT_TLS = { code: 76, why: 'not-tls', says: /does not speak TLS on this port/ };

describe('a peer that does not speak TLS', () => {
  test('but HTTP, answering what it takes for a request', async () => {
    const { port } = await listen(async (socket) => {
      await once(socket, 'data');
      socket.end(HTTP);
    });
    expectFailure(await meet(port), NOT_TLS);
  });

  test('but HTTP, and keeps the connection', async () => {
    const { port } = await listen(async (socket) => {
      await once(socket, 'data');
      socket.write(HTTP);
    });
    expectFailure(await meet(port), NOT_TLS);
  });

  test('but SMTP, and greets first', async () => {
    const { port } = await listen((socket) => {
      socket.write(SMTP);
    });
    expectFailure(await meet(port), NOT_TLS);
  });

  test('but something binary, without end', async () => {
    const { port } = await listen(async (socket) => {
      await sendEndlessly(socket, new Uint8Array(65536).fill(0xa5));
    });
    const result = await meet(port);
    expectFailure(result, NOT_TLS);
    expect(result.peakMemoryMib).toBeLessThan(MEMORY_BOUND_MIB);
  });

  test('nor anything else: it is silent', async () => {
    const { port } = await listen(() => {});
    expectFailure(await meet(port, '--handshake-timeout', '0.5'), {
      code: 75,
      why: 'handshake-timeout',
      says: /did not complete in time/,
    });
  });

  test('and closes at once', async () => {
    const { port } = await listen((socket) => {
      socket.end();
    });
    expectFailure(await meet(port), { code: 76, why: 'closed-in-handshake', says: /closed the connection/ });
  });

  test('and resets the connection', async () => {
    const { port } = await listen(async (socket) => {
      await once(socket, 'data');
      socket.resetAndDestroy();
    });
    expectFailure(await meet(port), { code: 76, why: 'closed-in-handshake', says: /reset by peer/ });
  });

  test('and sends half a record, byte by byte: each byte buys no time', async () => {
    const { port } = await listen(async (socket) => {
      const header = [0x16, 3, 3, 0x3f, 0xff];
      for (let sent = 0; !socket.destroyed; sent++) {
        socket.write(Uint8Array.of(header[sent] ?? 0));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });
    expectFailure(await meet(port, '--handshake-timeout', '1'), {
      code: 75,
      why: 'handshake-timeout',
      says: /bytes and stopped|did not complete in time/,
    });
  });
});
