import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { authority } from '../../tests/support/certificates.ts';
import { blankAllButCertificates, CERTIFICATE, decodeBlock, findBlocks, lineOf, PemError } from './pem.ts';

const [FIRST, SECOND] = [authority('First'), authority('Second')];

/** The line of which a file is refused. */
function problemLine(file: Buffer): number | undefined {
  try {
    findBlocks(file, CERTIFICATE);
    return undefined;
  } catch (error) {
    return error instanceof PemError ? error.line : undefined;
  }
}

/** All that can be decoded. */
function read(text: string): Uint8Array[] {
  const file = Buffer.from(text, 'latin1');
  return findBlocks(file, CERTIFICATE).map((block) => decodeBlock(file, block, CERTIFICATE) ?? new Uint8Array(0));
}

test('every certificate of a file, and nothing else', () => {
  const key = FIRST.key.privatePem;
  const text = `# a comment\n${FIRST.pem}\nSecond\n======\n${key}${SECOND.pem}trailing words`;
  assert.deepEqual(read(text), [FIRST.der, SECOND.der]);
  assert.deepEqual(read(''), []);
  assert.deepEqual(read(key), []);
});

test('lines of any length, and either kind of newline', () => {
  const base64 = Buffer.from(FIRST.der).toString('base64');
  const [begin, end] = ['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----'];
  assert.deepEqual(read(FIRST.pem.replaceAll('\n', '\r\n')), [FIRST.der]);
  assert.deepEqual(read(`${begin}\n${base64}\n${end}`), [FIRST.der]);
  assert.deepEqual(read(`${begin}\n${base64.replace(/./g, '$&\n')}${end}\n`), [FIRST.der]);
});

test('all but the certificates can be overwritten, and each stays where it is', () => {
  const key = FIRST.key.privatePem;
  const text = `${key}# a comment\r\n${FIRST.pem}${key}${SECOND.pem}${key.replaceAll('\n', '\r\n')}`;
  const [file, before] = [Buffer.from(text), Buffer.from(text)];
  blankAllButCertificates(file);
  assert.deepEqual(findBlocks(file, CERTIFICATE), findBlocks(before, CERTIFICATE));
  assert.deepEqual(read(file.toString()), [FIRST.der, SECOND.der]);
  assert.equal(file.toString().replaceAll(FIRST.pem, '').replaceAll(SECOND.pem, '').trim(), '');
  assert.equal(lineOf(file, file.length), lineOf(before, before.length));
});

describe('refused', () => {
  const [begin, end] = ['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----'];
  const wrong: Readonly<Record<string, string>> = {
    'no end': `${begin}\nAAAA\n`,
    'cut off in the end': `${begin}\nAAAA\n-----END CERTIF`,
    'another end': `${begin}\nAAAA\n-----END CERTIFICATES-----\n`,
    'end of another label': `${begin}\nAAAA\n-----END X509 CRL-----\n`,
    'a beginning inside': `${begin}\nAAAA\n${begin}\nAAAA\n${end}\n`,
    'nothing inside': `${begin}\n${end}\n`,
    'begin not at the start of a line': ` ${begin}\nAAAA\n${end}\n`,
    'words behind the beginning': `${begin} x\nAAAA\n${end}\n`,
    'words behind the end': `${begin}\nAAAA\n${end} x\n`,
    'end not at the start of a line': `${begin}\nAAAA${end}\n`,
    'larger than any certificate': `${begin}\n${'A'.repeat(200_000)}\n${end}\n`,
  };
  for (const [name, text] of Object.entries(wrong))
    test(name, () => {
      assert.throws(
        () => read(`\n\n${text}`),
        (error) => error instanceof PemError && error.line === 3,
      );
      const file = Buffer.from(`${FIRST.key.privatePem}${text}${FIRST.key.privatePem}`, 'latin1');
      const line = problemLine(file);
      blankAllButCertificates(file);
      assert.equal(problemLine(file), line);
      assert.equal(file.includes(FIRST.key.privatePem.split('\n')[1] as string), false);
    });

  const undecodable = ['AAA', 'AA=A', 'A===', 'AAAA=', '!AAA', 'AA\u00a0AA', 'AAB=', 'Proc-Type: 4,ENCRYPTED\n\nAAAA'];
  for (const base64 of undecodable)
    test(`no base64: ${JSON.stringify(base64)}`, () => {
      assert.deepEqual(read(`${begin}\n${base64}\n${end}\n`), [new Uint8Array(0)]);
    });
});

test('positions from elsewhere are good only for exactly one certificate', () => {
  const file = Buffer.from(`${FIRST.pem}${SECOND.pem}`);
  const [block] = findBlocks(file, CERTIFICATE) as [{ from: number; to: number }];
  assert.deepEqual(decodeBlock(file, block, CERTIFICATE), FIRST.der);
  for (let from = 0; from < file.length; from += 7) {
    for (const to of [block.to, block.to - 64, file.length, from + 64, from]) {
      if (from !== block.from || to !== block.to)
        assert.equal(decodeBlock(file, { from, to }, CERTIFICATE), undefined, `${from} ${to}`);
    }
  }
  for (const from of [block.from + 65, -1, 2 ** 31, 0xffffffff])
    assert.equal(decodeBlock(file, { from, to: block.to }, CERTIFICATE), undefined);
});

test('lines are counted from 1', () => {
  const file = Buffer.from('a\nb\nc');
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((offset) => lineOf(file, offset)),
    [1, 1, 2, 2, 3],
  );
});
