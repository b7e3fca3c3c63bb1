import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { authority, serverCertificate } from '../../tests/support/certificates.ts';
import { crlPem, revocationList } from '../../tests/support/revocation.ts';
import { NAMES } from '../../tests/support/verification.ts';
import type { Bytes } from '../core/bytes.ts';
import { LIMITS } from '../core/limits.ts';
import { RevocationListError, readRevocationLists } from './revocation-lists.ts';

const SCRATCH = mkdtempSync(join(tmpdir(), 'tlsify-crl-'));
after(() => rmSync(SCRATCH, { recursive: true }));

const ROOT = authority('Root');
const LEAF = serverCertificate(ROOT, NAMES);
const [EMPTY_LIST, LIST] = [revocationList(ROOT, []), revocationList(ROOT, [LEAF])];

let count = 0;
function write(contents: string | Bytes): string {
  const path = join(SCRATCH, `${count++}.crl`);
  writeFileSync(path, contents);
  return path;
}

function fails(path: string, message: RegExp): void {
  assert.throws(
    () => readRevocationLists(path),
    (error) => error instanceof RevocationListError && error.message.includes(path) && message.test(error.message),
  );
}

test('one list in DER, or any number in PEM among other things', () => {
  assert.deepEqual(readRevocationLists(write(LIST))[0]?.der, LIST);
  const file = write(`# lists\n${crlPem(EMPTY_LIST)}${ROOT.pem}${ROOT.key.privatePem}${crlPem(LIST)}`);
  assert.deepEqual(
    readRevocationLists(file).map(({ size }) => size),
    [0, 1],
  );
});

test('what cannot be used is an error that says where and why', () => {
  fails(join(SCRATCH, 'none.crl'), /cannot read the CRLs in .*: there is no such file$/);
  fails('/dev/null', /it is not a file$/);
  const fifo = join(SCRATCH, 'fifo');
  execFileSync('mkfifo', [fifo]);
  fails(fifo, /it is not a file$/);
  fails(write(''), /no CRL in it/);
  fails(write(ROOT.pem), /no CRL in it/);
  fails(write(ROOT.der), /the CRL cannot be used: tbsCertList/);
  fails(write(`\n${crlPem(LIST).replace('-----END X509', '-----END')}`), /line 2: a CRL that does not end/);
  fails(write(`\n${crlPem(LIST).replace(/\n./, '\n!')}`), /the CRL in line 3 is not base64/);
  fails(write(crlPem(LIST) + crlPem(LIST.subarray(0, -1))), /the CRL in line \d+ cannot be used: .*cut off/);
  fails(write(revocationList(ROOT, [], { extensions: { cRLNumber: null } })), /no CRL number/);
});

test('a file larger than any list is not read', () => {
  fails(write(new Uint8Array(2 * LIMITS.revocationListBytes)), /it is larger than \d+ bytes$/);
});
