import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { PeerProcess } from '../support/peer-process.ts';
import { localServer } from '../support/test-pki.ts';
import { runTlsify } from '../support/tlsify-process.ts';
import { connectArguments, expectFailure, listen, meet, record, TEST_LIMIT_MS } from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

const started: PeerProcess[] = [];
afterAll(() => Promise.all(started.map((peer) => peer.stop())));

/** `openssl s_server` with our certificate, of one version. */
async function opensslOf(option: string): Promise<PeerProcess> {
  const { leaf, chain, key } = localServer();
  const peer = await PeerProcess.start((port) => ({
    program: 'openssl',
    args: [
      ...['s_server', '-quiet', '-rev', '-accept', `127.0.0.1:${port}`, option],
      ...['-cert', leaf, '-cert_chain', chain, '-key', key],
    ],
    comesFrom: 'the package openssl',
  }));
  started.push(peer);
  return peer;
}

/** A server that answers with a ServerHello of that version, without a word of what else it can. */
function answering(version: readonly [number, number]): Promise<{ readonly port: number }> {
  const hello = [...version, ...new Array<number>(32).fill(7), 0, 0xc0, 0x2f, 0];
  return listen((socket) => {
    socket.write(record(22, Uint8Array.from([2, 0, 0, hello.length, ...hello])));
  });
}

describe('a server that speaks neither TLS 1.3 nor 1.2', () => {
  for (const [option, name] of [
    ['-tls1_1', 'TLS 1.1'],
    ['-tls1', 'TLS 1.0'],
  ] as const)
    test(`but ${name} only is refused with a message that says so`, async () => {
      const result = await meet((await opensslOf(option)).port);
      expectFailure(result, { code: 76, why: 'alert-received', says: /TLS 1\.3/ });
      expect(result.status[0]).toMatchObject({ detail: 'protocol_version' });
    });

  test('but answers with a ServerHello of TLS 1.1', async () => {
    expectFailure(await meet((await answering([0x03, 0x02])).port), {
      code: 76,
      why: 'version-not-supported',
      says: /no TLS version in common \(the server chose TLS 1\.1\)/,
    });
  });
});

describe('a server of TLS 1.2 only', () => {
  test('is refused under --min-version 1.3, with a message that says what to do, and accepted without', async () => {
    const { port } = await opensslOf('-tls1_2');
    const result = await meet(port, '--min-version', '1.3');
    expectFailure(result, { code: 76, why: 'alert-received', says: /switch on TLS 1\.3.*--min-version/ });
    expect(result.status[0]).toMatchObject({ detail: 'protocol_version' });
    expect((await runTlsify(connectArguments(port))).status[0]).toMatchObject({ event: 'ready', version: 'TLSv1.2' });
  });

  test('is refused under --min-version 1.3 although it answers', async () => {
    expectFailure(await meet((await answering([0x03, 0x03])).port, '--min-version', '1.3'), {
      code: 76,
      why: 'version-not-supported',
      says: /no TLS version in common \(the server chose TLS 1\.2\)/,
    });
  });
});

test('--max-version 1.2 makes a connection of TLS 1.2 with a server of both, --min-version 1.3 one of TLS 1.3', async () => {
  const { port } = await opensslOf('-no_tls1_1');
  for (const [option, version] of [
    ['--max-version=1.2', 'TLSv1.2'],
    ['--min-version=TLSv1.3', 'TLSv1.3'],
  ] as const)
    expect((await runTlsify(connectArguments(port, option))).status[0]).toMatchObject({ event: 'ready', version });
});
