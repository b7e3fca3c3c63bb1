import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { keyUsage } from '../support/certificate-extensions.ts';
import {
  authority,
  type CertificateOptions,
  daysFromNow,
  type ServerFiles,
  serverCertificate,
  type TestCertificate,
} from '../support/certificates.ts';
import { PeerProcess } from '../support/peer-process.ts';
import { crlPem, ocspResponse, revocationList } from '../support/revocation.ts';
import { scratchPath } from '../support/scratch.ts';
import { filesOf, LOCAL_NAMES } from '../support/test-pki.ts';
import { COMMAND, readAll } from '../support/tlsify-process.ts';
import { TEST_LIMIT_MS } from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

const LONG = { notAfter: daysFromNow(300) };
const ROOT = authority('Check root', LONG);
/** May sign OCSP responses as well. */
const USAGE = { keyUsage: keyUsage(['digitalSignature', 'keyCertSign', 'cRLSign']) };
const ISSUING = authority('Check issuing CA', { issuer: ROOT, ...LONG, extensions: USAGE });
const LOWER = authority('Check lower CA', { issuer: ISSUING, ...LONG });
const leafOf = (options: CertificateOptions = {}, issuer = ISSUING) =>
  serverCertificate(issuer, LOCAL_NAMES, { ...LONG, ...options });
const LEAF = leafOf();

const started: PeerProcess[] = [];
afterAll(() => Promise.all(started.map((peer) => peer.stop())));

interface Checked {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function check(...args: readonly string[]): Promise<Checked> {
  return run(['check', '--no-system-ca', '--ca', filesOf(LEAF).ca, ...args]);
}

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Checked> {
  const child = spawn(COMMAND, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [code]] = await Promise.all([
    readAll(child.stdout),
    readAll(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return { code, stdout: stdout.toString(), stderr: stderr.toString() };
}

interface Json {
  readonly verdict: string;
  readonly exit: number;
  readonly failure: { readonly why: string } | null;
  readonly session: { readonly version: string } | null;
  readonly remarks: readonly { readonly why: string }[];
  readonly certificates: readonly {
    readonly remarks: readonly { readonly severity: string; readonly why: string }[];
  }[];
}

async function checkJson(...args: readonly string[]) {
  const { code, stdout } = await check('--json', ...args);
  const json = JSON.parse(stdout) as Json;
  expect(json.exit).toBe(code as number);
  const whys = json.certificates.map(({ remarks }) => remarks.map(({ why }) => why));
  return { ...json, code, whys, chain: json.remarks.map(({ why }) => why) };
}

/** `openssl s_server` that sends these after the leaf. */
async function serve(leaf: TestCertificate, rest: readonly TestCertificate[], ...more: string[]): Promise<string> {
  const files: ServerFiles = filesOf(leaf);
  const chain = scratchPath('sent');
  writeFileSync(chain, rest.map(({ pem }) => pem).join(''));
  const chainOptions = rest.length > 0 ? ['-cert_chain', chain] : [];
  const peer = await PeerProcess.start((port) => ({
    program: 'openssl',
    args: [
      ...['s_server', '-rev', '-accept', `127.0.0.1:${port}`, '-cipher', 'DEFAULT@SECLEVEL=0'],
      ...['-cert', files.leaf, '-key', files.key, ...chainOptions, ...more],
    ],
    comesFrom: 'the package openssl',
  }));
  started.push(peer);
  return `localhost:${peer.port}`;
}

const expired = { notBefore: daysFromNow(-20), notAfter: daysFromNow(-1) };
const ISSUING_AGAIN = authority('Check issuing CA', { issuer: ROOT, ...LONG });

/** What a server shows, and what is said of each certificate in JSON: those that were sent, then the trusted ones. */
const SERVERS: Readonly<
  Record<
    string,
    {
      readonly leaf?: TestCertificate;
      readonly rest?: readonly TestCertificate[];
      readonly options?: readonly string[];
      readonly verdict: string;
      readonly whys: readonly (readonly string[])[];
    }
  >
> = {
  'nothing wrong': { verdict: 'accepted', whys: [[], [], []] },
  'TLS 1.2': { options: ['--max-version', '1.2'], verdict: 'accepted', whys: [[], [], []] },
  'an intermediate missing': { rest: [], verdict: 'rejected', whys: [['certificate-unknown-issuer']] },
  'the wrong order': {
    leaf: leafOf({}, LOWER),
    rest: [ISSUING, LOWER],
    verdict: 'warnings',
    whys: [[], ['wrong-order'], [], []],
  },
  'near its end': { leaf: leafOf({ notAfter: daysFromNow(5) }), verdict: 'warnings', whys: [['expires-soon'], [], []] },
  'expired': { leaf: leafOf(expired), verdict: 'rejected', whys: [['certificate-expired'], [], []] },
  'for another name': {
    options: ['--name', 'elsewhere.test'],
    verdict: 'rejected',
    whys: [['certificate-name-mismatch'], [], []],
  },
  'with another key than the pinned one': {
    options: ['--pin', `spki-sha256:${'0'.repeat(64)}`],
    verdict: 'rejected',
    whys: [['certificate-pin-mismatch'], [], []],
  },
  'signed with SHA-1': {
    leaf: leafOf({ algorithm: 'ecdsa-sha1' }),
    verdict: 'rejected',
    whys: [['certificate-weak-signature'], [], []],
  },
  'of an issuer that has only the name': {
    rest: [ISSUING_AGAIN],
    verdict: 'rejected',
    whys: [['certificate-bad-signature'], ['superfluous']],
  },
  'superfluous certificates': {
    rest: [ISSUING, authority('Stranger', LONG), ROOT],
    verdict: 'accepted',
    whys: [[], [], ['superfluous'], ['trusted-sent']],
  },
};

describe('a server', () => {
  for (const [name, { leaf = LEAF, rest = [ISSUING], options = [], verdict, whys }] of Object.entries(SERVERS))
    test(`${name}: ${verdict}, said where it is`, async () => {
      const found = await checkJson(...options, await serve(leaf, rest));
      expect({ verdict: found.verdict, whys: found.whys }).toEqual({ verdict, whys: whys.map((each) => [...each]) });
      expect(found.code).toBe({ accepted: 0, warnings: 1, rejected: 77 }[verdict] as number);
      // The handshake is complete whatever the chain is worth: the key was checked, too.
      expect(found.session).not.toBeNull();
    });

  test('a weak key: rejected, and where it is', async () => {
    const found = await checkJson(await serve(leafOf({ key: 'rsa-1024' }), [ISSUING], '-sigalgs', 'RSA-PSS+SHA256'));
    expect(found).toMatchObject({ verdict: 'rejected', code: 77 });
    expect(found.whys[0]).toEqual(['certificate-weak-key']);
  });

  test('what is stapled and what a CRL says', async () => {
    const response = scratchPath('response');
    writeFileSync(response, ocspResponse(LEAF));
    const stapled = await checkJson(await serve(LEAF, [ISSUING], '-status_file', response));
    expect([stapled.verdict, stapled.whys[0]]).toEqual(['accepted', ['staple-good']]);
    const list = scratchPath('list');
    writeFileSync(list, crlPem(revocationList(ISSUING, [LEAF])));
    const revoked = await checkJson('--crl', list, await serve(LEAF, [ISSUING]));
    expect([revoked.verdict, revoked.chain]).toEqual(['rejected', ['certificate-revoked']]);
  });

  test('one that shows no certificate has none to print: exit code and message are those of connect', async () => {
    const target = await serve(LEAF, [ISSUING], '-no_tls1_3', '-no_tls1_2');
    const { code, stdout, stderr } = await check(target);
    expect({ code, stdout }).toEqual({ code: 76, stdout: '' });
    expect(stderr).toContain('alert (protocol_version)');
  });

  test.each(['strict', 'standard', 'off'])('the sandbox %s prints the same', async (level) => {
    const { code, stdout } = await check('--sandbox', level, await serve(LEAF, [ISSUING]));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^localhost:\d+: accepted\n {2}TLSv1\.3, .*\n\n1 CN=localhost\n/);
  });

  test('the openssl backend prints the same', async () => {
    const found = await checkJson('--backend', 'openssl', await serve(LEAF, [ISSUING]));
    expect([found.verdict, found.whys]).toEqual(['accepted', [[], [], []]]);
  });

  test('--quiet prints nothing', async () => {
    expect(await check('--quiet', await serve(leafOf(expired), [ISSUING]))).toEqual({
      code: 77,
      stdout: '',
      stderr: '',
    });
  });
});

describe('files', () => {
  const files = filesOf(LEAF);

  test('a chain in one file, and in two; a name is compared only if there is one', async () => {
    expect((await checkJson(files.chain)).verdict).toBe('accepted');
    const issuing = scratchPath('issuing');
    writeFileSync(issuing, ISSUING.pem);
    expect((await checkJson(files.leaf, issuing)).verdict).toBe('accepted');
    expect((await checkJson('--name', 'other.test', files.chain)).whys[0]).toEqual(['certificate-name-mismatch']);
  });

  test('a key that is its own, and one that is not', async () => {
    expect((await checkJson('--key', files.key, files.chain)).verdict).toBe('accepted');
    const other = await checkJson('--key', filesOf(leafOf()).key, files.chain);
    expect([other.verdict, other.code, other.whys[0]]).toEqual(['rejected', 77, ['key-mismatch']]);
  });

  test('a key never meets the network', async () => {
    const { code, stderr } = await check('--key', files.key, 'localhost:443');
    expect(code).toBe(64);
    expect(stderr).toContain('a process that speaks with the network never sees a private key');
  });

  test('a file that cannot be used: exit code 78, and why', async () => {
    const { code, stderr } = await check('/nowhere');
    expect(code).toBe(78);
    expect(stderr).toContain('cannot read /nowhere: there is no such file');
    const wrong = await check('--key', files.leaf, files.chain);
    expect([wrong.code, wrong.stderr.includes('no private key in it')]).toEqual([78, true]);
  });

  test('a certificate that cannot be read is one that is rejected', async () => {
    const broken = scratchPath('broken');
    writeFileSync(broken, LEAF.der.subarray(0, LEAF.der.length - 1));
    const found = await checkJson(broken);
    expect([found.verdict, found.code, found.whys[0]]).toEqual(['rejected', 77, ['certificate-malformed']]);
  });
});

test("Mozilla's CAs in place of the system's: found without a file, and a private CA is none of them", async () => {
  const files = filesOf(LEAF);
  const env = { SSL_CERT_FILE: files.ca, SSL_CERT_DIR: '' };
  expect((await checkJson('--mozilla-ca', files.chain)).verdict).toBe('accepted');
  const alone = await run(['check', '--quiet', '--mozilla-ca', files.chain], env);
  expect(alone).toEqual({ code: 77, stdout: '', stderr: '' });
  expect((await run(['check', '--quiet', files.chain], env)).code).toBe(0);
});
