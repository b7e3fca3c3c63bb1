import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { PeerProcess } from '../support/peer-process.ts';
import { localServer } from '../support/test-pki.ts';
import { expectFailure, listen, meet, record, TEST_LIMIT_MS } from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

const started: PeerProcess[] = [];
afterAll(() => Promise.all(started.map((peer) => peer.stop())));

describe('a server that speaks neither TLS 1.3 nor 1.2', () => {
  for (const [option, name] of [
    ['-tls1_1', 'TLS 1.1'],
    ['-tls1', 'TLS 1.0'],
  ])
    test(`but ${name} only is refused with a message that says so`, async () => {
      const { leaf, key } = localServer();
      const peer = await PeerProcess.start((port) => ({
        program: 'openssl',
        args: ['s_server', '-accept', `127.0.0.1:${port}`, `${option}`, '-cert', leaf, '-key', key],
        comesFrom: 'the package openssl',
      }));
      started.push(peer);
      const result = await meet(peer.port);
      expectFailure(result, { code: 76, why: 'alert-received', says: /TLS 1\.3/ });
      expect(result.status[0]).toMatchObject({ detail: 'protocol_version' });
    });

  test('but answers with a ServerHello of TLS 1.1', async () => {
    const hello = [...[0x03, 0x02], ...new Array<number>(32).fill(7), 0, 0xc0, 0x2f, 0];
    const { port } = await listen((socket) => {
      socket.write(record(22, Uint8Array.from([2, 0, 0, hello.length, ...hello])));
    });
    expectFailure(await meet(port), { code: 76, why: 'version-not-supported', says: /neither TLS 1\.3 nor TLS 1\.2/ });
  });
});
