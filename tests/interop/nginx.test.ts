import { describe, expect, test } from 'bun:test';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fingerprintOf, numberedStream } from '../support/numbered-stream.ts';
import { scratchPath } from '../support/scratch.ts';
import { localServer } from '../support/test-pki.ts';
import { readAll, TlsifyProcess } from '../support/tlsify-process.ts';
import {
  connectArguments,
  describeHandshakes,
  expectClean,
  type HandshakePeer,
  MIB,
  type ServeOptions,
  startPeer,
  TEST_LIMIT_MS,
  talkTo,
} from './suite.ts';

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
  suites: ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
  groups: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
  keys: {
    'p256': 'ecdsa_secp256r1_sha256',
    'rsa-2048': 'rsa_pss_rsae_sha256',
    'ed25519': 'ed25519',
  },
};

/** `folder` is made, and serves `files/` in it for reading and writing. */
function nginxIn(folder: string, port: number, { files, suites, groups }: ServeOptions) {
  for (const name of ['', 'files', 'temporary']) mkdirSync(join(folder, name));
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
        ssl_protocols TLSv1.3; ssl_certificate ${files.chain}; ssl_certificate_key ${files.key};
        ${suites === undefined ? '' : `ssl_conf_command Ciphersuites ${suites.join(':')};`}
        ${groups === undefined ? '' : `ssl_ecdh_curve ${groups.map((group) => NGINX_GROUPS[group]).join(':')};`}
        location = /facts { return 200 "sni=$sni alpn=$alpn\\n"; }
        location /files/ { root .; dav_methods PUT; }
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

  test(
    'downloads 64 MiB, uploads 64 MiB',
    async () => {
      const bytes = 64 * MIB;
      const folder = scratchPath('nginx');
      const peer = await startPeer((port) => nginxIn(folder, port, { files: localServer() }));
      await writeFile(join(folder, 'files/down'), numberedStream(bytes));

      const down = await talkTo(peer, 'GET /files/down HTTP/1.0\r\n\r\n');
      expectClean(down);
      const body = down.stdout.subarray(down.stdout.indexOf('\r\n\r\n') + 4);
      expect(fingerprintOf([body])).toBe(fingerprintOf(numberedStream(bytes)));

      const up = new TlsifyProcess(connectArguments(peer));
      await up.write([Buffer.from(`PUT /files/up HTTP/1.0\r\nContent-Length: ${bytes}\r\n\r\n`)]);
      await up.write(numberedStream(bytes));
      expect((await readAll(up.stdout)).toString()).toStartWith('HTTP/1.1 201 Created\r\n');
      up.stdin.end();
      expectClean(await up.ending);
      expect(fingerprintOf([readFileSync(join(folder, 'files/up'))])).toBe(fingerprintOf(numberedStream(bytes)));
    },
    TEST_LIMIT_MS,
  );
});
