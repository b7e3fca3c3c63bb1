import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { extendedKeyUsage, keyUsage, PURPOSE } from '../support/certificate-extensions.ts';
import {
  authority,
  type CertificateOptions,
  daysFromNow,
  type ServerFiles,
  serverCertificate,
} from '../support/certificates.ts';
import { PeerProcess } from '../support/peer-process.ts';
import { crlPem, ocspResponse, revocationList, revoked } from '../support/revocation.ts';
import { scratchPath } from '../support/scratch.ts';
import { ScriptedSocket } from '../support/tcp-peer.ts';
import { filesOf, ISSUING_CA, LOCAL_NAMES, localServer, TEST_ROOT, trustTestRoot } from '../support/test-pki.ts';
import { type Result, runTlsify } from '../support/tlsify-process.ts';
import { connectArguments, expectFailure, listen, TEST_LIMIT_MS } from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

const started: PeerProcess[] = [];
afterAll(() => Promise.all(started.map((peer) => peer.stop())));

async function serve(files: ServerFiles, ...more: string[]): Promise<PeerProcess> {
  const peer = await PeerProcess.start((port) => ({
    program: 'openssl',
    args: [
      ...['s_server', '-rev', '-accept', `127.0.0.1:${port}`, '-cipher', 'DEFAULT@SECLEVEL=0'],
      ...['-cert', files.leaf, '-cert_chain', files.chain, '-key', files.key],
      ...more,
    ],
    comesFrom: 'the package openssl',
  }));
  started.push(peer);
  return peer;
}

const DATA = 'these bytes must not leave\n';

async function connect(files: ServerFiles, host = 'localhost', ...options: string[]): Promise<Result> {
  const peer = await serve(files);
  return runTlsify(['connect', `${host}:${peer.port}`, ...trustTestRoot(), ...options], DATA);
}

function local(options: CertificateOptions): ServerFiles {
  return filesOf(serverCertificate(ISSUING_CA, LOCAL_NAMES, options));
}

const REJECTED: Readonly<Record<string, { readonly files: ServerFiles; readonly why: string; readonly says: RegExp }>> =
  {
    'for another name': {
      files: filesOf(serverCertificate(ISSUING_CA, { dns: ['elsewhere.example', '*.localhost'] })),
      why: 'certificate-name-mismatch',
      says: /elsewhere\.example/,
    },
    'with the name as common name only': {
      files: filesOf(serverCertificate(ISSUING_CA, { dns: ['elsewhere.example'] }, { subject: 'localhost' })),
      why: 'certificate-name-mismatch',
      says: /another name/,
    },
    'expired': {
      files: local({ notBefore: daysFromNow(-20), notAfter: daysFromNow(-1) }),
      why: 'certificate-expired',
      says: /expired/,
    },
    'not yet valid': {
      files: local({ notBefore: daysFromNow(1) }),
      why: 'certificate-not-yet-valid',
      says: /not valid yet/,
    },
    'self-signed': {
      files: filesOf(serverCertificate(undefined, LOCAL_NAMES)),
      why: 'certificate-self-signed',
      says: /self-signed/,
    },
    'of an unknown CA': {
      files: filesOf(serverCertificate(authority('A CA that nobody knows'), LOCAL_NAMES)),
      why: 'certificate-unknown-issuer',
      says: /unknown CA/,
    },
    'without its intermediate': {
      files: withoutIntermediate(localServer()),
      why: 'certificate-unknown-issuer',
      says: /unknown CA|between/,
    },
    'for clients only': {
      files: local({ extensions: { extKeyUsage: extendedKeyUsage([PURPOSE.clientAuth]) } }),
      why: 'certificate-wrong-purpose',
      says: /not meant for TLS servers/,
    },
    'with an RSA key of 1024 bits': {
      files: local({ key: 'rsa-1024' }),
      why: 'certificate-weak-key',
      says: /too weak/,
    },
  };

function readyPeer(result: Result): { readonly spkiSha256: string } {
  const [ready] = result.status;
  if (ready?.event !== 'ready') throw new Error(result.stderr);
  return ready.peer as { readonly spkiSha256: string };
}

function withoutIntermediate(files: ServerFiles): ServerFiles {
  return { ...files, chain: files.leaf };
}

describe('a certificate', () => {
  for (const [name, { files, why, says }] of Object.entries(REJECTED))
    test(`${name} is rejected`, async () => {
      const result = await connect(files);
      expectFailure(result, { code: 77, why, says });
      expect(result.stdout.length).toBe(0);
    });

  test('that is rejected keeps all data here, and the peer is told why', async () => {
    const bad = serverCertificate(undefined, LOCAL_NAMES);
    let peer: ScriptedSocket | undefined;
    const { port } = await listen((socket) => {
      peer = new ScriptedSocket(socket, { identity: bad });
    });
    const result = await runTlsify(connectArguments(port), DATA);
    expectFailure(result, { code: 77, why: 'certificate-self-signed', says: /self-signed/ });
    expect(peer?.server.plaintext).toEqual([]);
    expect(peer?.server.alerts).toEqual([{ level: 2, name: 'unknown_ca' }]);
  });

  test('that is good is accepted, by name and by address', async () => {
    for (const host of ['localhost', '127.0.0.1']) {
      const result = await connect(localServer(), host);
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(result.stdout.toString()).toBe('evael ton tsum setyb eseht\n');
    }
  });

  test('is measured by --name, not by the host, when that is given', async () => {
    const wildcard = filesOf(serverCertificate(ISSUING_CA, { dns: ['*.example.com', 'xn--bcher-kva.example'] }));
    for (const name of ['dns:www.example.com', 'dns:bücher.example', 'dns:BÜCHER.example.']) {
      const result = await connect(wildcard, 'localhost', '--name', name);
      expect(result).toMatchObject({ code: 0, stderr: '' });
    }
    for (const name of ['dns:example.com', 'dns:a.b.example.com', 'dns:localhost', 'ip:127.0.0.1'])
      expectFailure(await connect(wildcard, 'localhost', '--name', name), {
        code: 77,
        why: 'certificate-name-mismatch',
        says: /another name/,
      });
  });

  test('of a pinned key is accepted, of another is not', async () => {
    const good = await connect(localServer());
    const { spkiSha256: pin } = readyPeer(good);
    for (const option of ['--pin', '--name']) {
      const pinned = [option, `spki-sha256:${pin}`];
      expect(await connect(localServer(), 'localhost', ...pinned)).toMatchObject({ code: 0 });
      expectFailure(await connect(localServer('rsa-2048'), 'localhost', ...pinned), {
        code: 77,
        why: 'certificate-pin-mismatch',
        says: /pinned/,
      });
    }
    const elsewhere = ['--name', 'dns:elsewhere.example', '--pin', `spki-sha256:${pin}`];
    expectFailure(await connect(localServer(), 'localhost', ...elsewhere), {
      code: 77,
      why: 'certificate-name-mismatch',
      says: /another name/,
    });
  });

  test('is not verified with --insecure-no-verify, which says so, even when quiet', async () => {
    const self = filesOf(serverCertificate(undefined, { dns: ['elsewhere.example'] }));
    const result = await connect(self, 'localhost', '--insecure-no-verify', '--quiet');
    expect(result).toMatchObject({ code: 0 });
    expect(result.stderr).toMatch(/^tlsify: WARNING: .* is not verified .*\n$/);
    expect(result.status[0]).toMatchObject({ event: 'ready', peer: { verified: false } });
  });

  test('that is self-signed is accepted when it is given as --ca', async () => {
    const self = filesOf(serverCertificate(undefined, LOCAL_NAMES));
    expect(await connect(self, 'localhost', '--ca', self.leaf)).toMatchObject({ code: 0, stderr: '' });
  });

  test('cannot be verified without a trust store: that is an error of configuration', async () => {
    const empty = scratchPath('empty.pem');
    writeFileSync(empty, '');
    const peer = await serve(localServer());
    const result = await runTlsify(['connect', `localhost:${peer.port}`, '--no-system-ca', '--ca', empty]);
    expectFailure(result, { code: 78, why: 'trust-store-unusable', says: /empty\.pem/ });
  });
});

describe('revocation', () => {
  const issuing = authority('tlsify test OCSP CA', {
    issuer: TEST_ROOT,
    extensions: { keyUsage: keyUsage(['digitalSignature', 'keyCertSign', 'cRLSign']) },
  });
  const leaf = serverCertificate(issuing, LOCAL_NAMES);
  const rootList = crlPem(revocationList(TEST_ROOT, []));
  const write = (contents: string | Uint8Array): string => {
    const path = scratchPath('status');
    writeFileSync(path, contents);
    return path;
  };
  const run = async (staple: Uint8Array | null, version: string, ...options: string[]) => {
    const more = staple === null ? [] : ['-status_file', write(staple)];
    const peer = await serve(filesOf(leaf), version, ...more);
    return runTlsify(connectArguments(peer.port, ...options), DATA);
  };
  const hard = ['--revocation', 'hard', '--crl', write(rootList)];

  for (const version of ['-tls1_3', '-tls1_2']) {
    test(`a staple reaches the verifier (${version})`, async () => {
      expect(await run(ocspResponse(leaf), version, ...hard)).toMatchObject({ code: 0 });
      expectFailure(await run(null, version, ...hard), {
        code: 77,
        why: 'certificate-status-missing',
        says: /no OCSP response was stapled/,
      });
    });
    test(`a staple is checked without being asked for (${version})`, async () => {
      expectFailure(await run(ocspResponse(leaf, { status: revoked(daysFromNow(-1), 1) }), version), {
        code: 77,
        why: 'certificate-revoked',
        says: /was revoked on .* \(keyCompromise\)/,
      });
      expectFailure(await run(ocspResponse(leaf, { signature: new Uint8Array(70) }), version), {
        code: 77,
        why: 'certificate-status-rejected',
        says: /is not signed by its issuer/,
      });
    });
  }

  test('a CRL is read before the connection, and says who is revoked', async () => {
    const list = (...revokedOnes: (typeof leaf)[]) => ['--crl', write(crlPem(revocationList(issuing, revokedOnes)))];
    expect(await run(null, '-tls1_3', ...list(), ...hard)).toMatchObject({ code: 0 });
    expectFailure(await run(null, '-tls1_3', ...list(leaf)), {
      code: 77,
      why: 'certificate-revoked',
      says: /revoked on/,
    });
  });

  test('a CRL that cannot be used is a failure of configuration', async () => {
    const peer = await serve(filesOf(leaf));
    for (const [contents, says] of [
      ['', /no CRL in it/],
      [crlPem(revocationList(issuing, [], { extensions: { cRLNumber: null } })), /no CRL number/],
    ] as const)
      expectFailure(await runTlsify(connectArguments(peer.port, '--crl', write(contents)), DATA), {
        code: 78,
        why: 'revocation-list-unusable',
        says,
      });
  });
});
