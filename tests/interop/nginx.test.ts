import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fingerprint, fingerprintOf, numberedStream } from '../support/numbered-stream.ts';
import { scratchPath } from '../support/scratch.ts';
import { TcpPeer, writeAll } from '../support/tcp-peer.ts';
import { localServer } from '../support/test-pki.ts';
import { readAll, TlsifyProcess } from '../support/tlsify-process.ts';
import { describeEngineClient } from './engine-client.ts';
import {
  connectArguments,
  describeHandshakes,
  expectClean,
  GIB,
  type HandshakePeer,
  opensslName12,
  type ServeOptions,
  SUITES_12,
  SUITES_13,
  startPeer,
  TEST_LIMIT_MS,
  talkTo,
} from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

const NGINX_GROUPS: Readonly<Record<string, string>> = {
  x25519: 'X25519',
  secp256r1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};

const nginx: HandshakePeer = {
  command: (port, options) => nginxIn(scratchPath('nginx'), port, options),
  request: 'GET /facts HTTP/1.0\r\n\r\n',
  cannotHalfClose: true,
  response: /\r\n\r\nsni=localhost alpn=-\n$/,
  suites: [...SUITES_13, ...SUITES_12],
  groups: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
  keys: {
    'p256': 'ecdsa_secp256r1_sha256',
    'rsa-2048': 'rsa_pss_rsae_sha256',
    'ed25519': 'ed25519',
  },
  groups12: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
  keys12: ['p256', 'rsa-2048'],
};

/** What is behind it, in plain HTTP: answers GET with the numbered stream, and PUT with the fingerprint of what came. */
const backend = await TcpPeer.listen((socket) => {
  const received = new Fingerprint();
  let [head, left] = ['', 0];
  const answer = async (body: Iterable<Uint8Array>): Promise<void> => {
    await writeAll(socket, Buffer.from('HTTP/1.0 200 OK\r\n\r\n'));
    for (const chunk of body) await writeAll(socket, chunk);
    socket.end();
  };
  socket.on('data', (chunk: Buffer) => {
    let body = chunk;
    if (!head.endsWith('\r\n\r\n')) {
      const end = chunk.indexOf('\r\n\r\n') + 4;
      head += chunk.toString('latin1', 0, end);
      body = chunk.subarray(end);
      left = Number(/^content-length: (\d+)/im.exec(head)?.[1]);
      if (head.startsWith('GET')) void answer(numberedStream(GIB));
    }
    received.add(body);
    left -= body.length;
    if (left === 0) void answer([Buffer.from(`${received}\n`)]);
  });
});
afterAll(() => backend.close());

/** `folder` is made. */
function nginxIn(folder: string, port: number, { version = 'TLSv1.3', files, suites, groups, trusted }: ServeOptions) {
  for (const name of ['', 'temporary']) mkdirSync(join(folder, name));
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path temporary;`);
  writeFileSync(
    join(folder, 'nginx.conf'),
    `${user} daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log stderr;
    events {}
    http {
      access_log off; client_max_body_size 0; ${temporary.join(' ')}
      map $ssl_server_name $sni { '' '-'; default $ssl_server_name; }
      map $ssl_alpn_protocol $alpn { '' '-'; default $ssl_alpn_protocol; }
      server {
        listen 127.0.0.1:${port} ssl http2;
        ssl_protocols ${version}; ssl_certificate ${files.chain}; ssl_certificate_key ${files.key};
        ${suites === undefined ? '' : version === 'TLSv1.2' ? `ssl_ciphers ${suites.map(opensslName12).join(':')};` : `ssl_conf_command Ciphersuites ${suites.join(':')};`}
        ${groups === undefined ? '' : `ssl_ecdh_curve ${groups.map((group) => NGINX_GROUPS[group]).join(':')};`}
        ${trusted === undefined ? '' : `ssl_client_certificate ${trusted}; ssl_verify_client on; ssl_verify_depth 3;`}
        location = /client { return 200 "client=$ssl_client_verify resumed=$ssl_session_reused\\n"; }
        location = /facts { return 200 "sni=$sni alpn=$alpn\\n"; }
        location = /data {
          proxy_pass http://127.0.0.1:${backend.port}; proxy_buffering off; proxy_request_buffering off;
        }
      }
    }`,
  );
  return {
    program: '/usr/sbin/nginx',
    args: ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr'],
    comesFrom: 'the package nginx-light',
  };
}

describe('nginx', () => {
  describeHandshakes(nginx);
  describeEngineClient({
    ...nginx,
    request: 'GET /client HTTP/1.0\r\n\r\n',
    certificateSeen: /client=SUCCESS/,
    certificateMissed: /400 No required SSL certificate was sent/,
    clientKeys: ['p256', 'p384', 'p521', 'ed25519', 'rsa-2048', 'rsa-pss-2048'],
  });

  const serve = () => startPeer((port) => nginx.command(port, { files: localServer() }));

  test('--sni none', async () => {
    const result = await talkTo(await serve(), nginx.request, '--sni', 'none');
    expectClean(result);
    expect(result.stdout.toString()).toEndWith('\r\n\r\nsni=- alpn=-\n');
  });

  test('ALPN chosen', async () => {
    const result = await talkTo(await serve(), nginx.request, '--alpn', 'imap,http/1.1');
    expectClean(result);
    expect(result.stdout.toString()).toEndWith('\r\n\r\nsni=localhost alpn=http/1.1\n');
    expect(result.status[0]).toMatchObject({ alpn: 'http/1.1' });
  });

  test('ALPN refused', async () => {
    const result = await talkTo(await serve(), nginx.request, '--alpn', 'imap');
    expect(result.code).toBe(76);
    expect(result.stderr).toContain('no_application_protocol');
  });

  test('downloads 1 GiB', async () => {
    const tlsify = new TlsifyProcess(connectArguments(await serve()));
    await tlsify.write([Buffer.from('GET /data HTTP/1.0\r\n\r\n')]);
    const received = new Fingerprint();
    let head: Buffer | undefined = Buffer.alloc(0);
    for await (const chunk of tlsify.stdout) {
      if (head === undefined) received.add(chunk);
      else {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf('\r\n\r\n') + 4;
        if (end < 4) continue;
        received.add(head.subarray(end));
        head = undefined;
      }
    }
    tlsify.stdin.end();
    expectClean(await tlsify.ending);
    expect(`${received}`).toBe(fingerprintOf(numberedStream(GIB)));
  });

  test('uploads 1 GiB', async () => {
    const tlsify = new TlsifyProcess(connectArguments(await serve()));
    const answer = readAll(tlsify.stdout);
    await tlsify.write([Buffer.from(`PUT /data HTTP/1.0\r\nContent-Length: ${GIB}\r\n\r\n`)]);
    await tlsify.write(numberedStream(GIB));
    expect((await answer).toString()).toEndWith(`\r\n\r\n${fingerprintOf(numberedStream(GIB))}\n`);
    tlsify.stdin.end();
    expectClean(await tlsify.ending);
  });
});
