import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ascii, type Bytes, concat } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { LIMITS } from '../../core/limits.ts';
import { Incoming, type Received, RULES } from './incoming.ts';
import { HandshakeAligned } from './joiner.ts';
import type { OpenedRecord, Opener } from './protection.ts';

function record(type: number, body: Bytes, version = 0x0303): Bytes {
  return concat(Uint8Array.of(type, version >>> 8, version, body.length >>> 8, body.length), body);
}

function take(incoming: Incoming, bytes: Bytes): Received {
  const length = incoming.recordBytes(bytes, 0);
  assert.equal(length, bytes.length);
  return incoming.take(bytes, 0, length);
}

/** An "encryption" that adds nothing: the body is the inner plaintext, so that tests see what happens behind it. */
const transparent: Opener = {
  hidesType: true,
  open: (_header, body): OpenedRecord => ({
    type: body.at(-1) as number,
    content: body.slice(0, -1),
    innerBytes: body.length,
  }),
};

function open13(): Incoming {
  const incoming = new Incoming();
  incoming.useOpener(transparent, HandshakeAligned.prove(incoming.joiner) as HandshakeAligned);
  incoming.rules = RULES.open13;
  return incoming;
}

function inner(type: number, content: Bytes): Bytes {
  return record(23, concat(content, Uint8Array.of(type)));
}

test('a length is known after five bytes', () => {
  const bytes = record(22, ascii('hello'));
  for (let length = 0; length < 5; length++) assert.equal(new Incoming().recordBytes(bytes.subarray(0, length), 0), 0);
  assert.equal(new Incoming().recordBytes(bytes.subarray(0, 5), 0), bytes.length);
});

test('somebody who does not speak TLS is recognised, and named without control characters', () => {
  const not = (text: string, detail: string | undefined): void =>
    assert.throws(() => new Incoming().recordBytes(ascii(text), 0), { why: 'not-tls', detail });
  not('HTTP/1.1 400 Bad Request\r\n', 'the peer began with "HTTP/1.1 400 Bad Request"');
  not('220 mail.example ESMTP\r\n', 'the peer began with "220 mail.example ESMTP"');
  not('SSH-2.0-\u001b[31mred', 'the peer began with "SSH-2.0-"');
  not('\u0001\u0002\u0003\u0004\u0005', undefined);
  assert.throws(() => new Incoming().recordBytes(record(22, ascii('x'), 0x0203), 0), { why: 'not-tls' });
});

test('a fatal alert in the clear is the last word of a peer that has sealed nothing yet, and nothing else is', () => {
  const sealed = (): Incoming => {
    const incoming = new Incoming();
    incoming.useOpener(transparent, HandshakeAligned.prove(incoming.joiner) as HandshakeAligned);
    incoming.rules = RULES.handshake13;
    return incoming;
  };
  const refusal = { received: 'alert', level: 2, description: 46 };
  assert.deepEqual(take(sealed(), record(21, Uint8Array.of(2, 46))), refusal);
  for (const body of [
    [1, 0],
    [1, 90],
    [3, 46],
  ])
    assert.throws(() => take(sealed(), record(21, Uint8Array.from(body))), { why: 'unexpected-record' });
  assert.throws(() => take(sealed(), record(21, Uint8Array.of(2))), { why: 'bad-alert' });
  const later = sealed();
  take(later, inner(22, ascii('x')));
  assert.throws(() => take(later, record(21, Uint8Array.of(2, 46))), { why: 'unexpected-record' });
});

test('any legacy version of major 3 will do before there are keys, and 0x0303 alone after', () => {
  take(new Incoming(), record(22, ascii('x'), 0x0301));
  take(new Incoming(), record(22, ascii('x'), 0x03ff));
  const incoming = new Incoming();
  take(incoming, record(22, ascii('x')));
  assert.throws(() => incoming.recordBytes(record(22, ascii('x'), 0x0200), 0), { why: 'bad-record-version' });
  assert.throws(() => open13().recordBytes(record(23, ascii('x'), 0x0301), 0), { why: 'bad-record-version' });
});

test('lengths have their limits, which show before the body comes', () => {
  const header = (length: number): Bytes => Uint8Array.of(22, 3, 3, length >>> 8, length);
  assert.equal(new Incoming().recordBytes(header(LIMITS.plaintextBytes), 0), 5 + LIMITS.plaintextBytes);
  assert.throws(() => new Incoming().recordBytes(header(LIMITS.plaintextBytes + 1), 0), { why: 'record-overflow' });
  const protectedHeader = (length: number): Bytes => Uint8Array.of(23, 3, 3, length >>> 8, length);
  assert.equal(open13().recordBytes(protectedHeader(LIMITS.ciphertextBytes), 0), 5 + LIMITS.ciphertextBytes);
  assert.throws(() => open13().recordBytes(protectedHeader(LIMITS.ciphertextBytes + 1), 0), {
    why: 'record-overflow',
  });
});

test('what is inside has its limit, padding included', () => {
  const incoming = open13();
  take(incoming, inner(23, new Uint8Array(LIMITS.plaintextBytes)));
  assert.throws(() => take(incoming, inner(23, new Uint8Array(LIMITS.plaintextBytes + 1))), {
    why: 'record-overflow',
  });
  incoming.innerBytesLimit = 64;
  take(incoming, inner(23, new Uint8Array(63)));
  assert.throws(() => take(incoming, inner(23, new Uint8Array(64))), { why: 'record-overflow' });
});

test('records of types that may not come are refused by their header', () => {
  const open = open13();
  take(open, inner(23, ascii('x')));
  for (const type of [20, 21])
    assert.throws(() => open.recordBytes(record(type, ascii('x')), 0), { why: 'unexpected-record' });
  const before = new Incoming();
  take(before, record(22, ascii('x')));
  for (const type of [0, 19, 23, 24, 255])
    assert.throws(() => before.recordBytes(record(type, ascii('x')), 0), { why: 'unexpected-record' });
});

test('a handshake message in the clear under protection is tried, and does not pass if it opens', () => {
  const strict = new Incoming();
  const sealed: Opener = {
    hidesType: true,
    open: () => {
      throw new TlsError('bad-record-mac');
    },
  };
  strict.useOpener(sealed, HandshakeAligned.prove(strict.joiner) as HandshakeAligned);
  assert.throws(() => take(strict, record(22, ascii('message'))), { why: 'bad-record-mac' });
  const opens = Uint8Array.of(22, ...inner(22, ascii('x')).subarray(1));
  assert.throws(() => take(open13(), opens), { why: 'unexpected-record' });
});

test('early data is dropped up to its limit, and only where it was announced', () => {
  const retried = new Incoming();
  assert.throws(() => retried.recordBytes(record(23, ascii('x')), 0), { why: 'unexpected-record' });
  take(retried, record(22, ascii('ClientHello')));
  retried.skipEarlyData = 'encrypted';
  const half = record(23, new Uint8Array(LIMITS.earlyDataSkippedBytes / 2));
  assert.deepEqual(take(retried, half), { received: 'nothing' });
  assert.deepEqual(take(retried, half), { received: 'nothing' });
  assert.throws(() => take(retried, record(23, ascii('x'))), { why: 'too-much-early-data' });
});

test('early data that does not open ends with the first record that does', () => {
  const incoming = new Incoming();
  const opener: Opener = {
    hidesType: true,
    open: (header, body) => {
      if (body[0] === 0) throw new TlsError('bad-record-mac');
      return transparent.open(header, body);
    },
  };
  incoming.useOpener(opener, HandshakeAligned.prove(incoming.joiner) as HandshakeAligned);
  incoming.skipEarlyData = 'undecryptable';
  assert.deepEqual(take(incoming, record(23, Uint8Array.of(0, 1, 2))), { received: 'nothing' });
  assert.deepEqual(take(incoming, inner(22, ascii('Finished'))), { received: 'handshake' });
  assert.throws(() => take(incoming, record(23, Uint8Array.of(0, 1, 2))), { why: 'bad-record-mac' });
});

test('inside the protection there are three types', () => {
  for (const type of [20, 24, 255])
    assert.throws(() => take(open13(), inner(type, ascii('x'))), { why: 'unexpected-record' });
  const handshaking = open13();
  handshaking.rules = RULES.handshake13;
  assert.throws(() => take(handshaking, inner(23, ascii('x'))), { why: 'unexpected-record' });
});

test('handshake fragments are not empty, and nothing comes between them but alerts', () => {
  assert.throws(() => take(new Incoming(), record(22, new Uint8Array(0))), { why: 'empty-record' });
  const incoming = open13();
  take(incoming, inner(22, ascii('x')));
  assert.deepEqual(take(incoming, inner(21, Uint8Array.of(1, 0))), { received: 'alert', level: 1, description: 0 });
  assert.throws(() => take(incoming, inner(23, ascii('x'))), { why: 'unexpected-record' });
});

test('an alert has two bytes', () => {
  for (const length of [0, 1, 3, 4])
    assert.throws(() => take(new Incoming(), record(21, new Uint8Array(length))), { why: 'bad-alert' });
});

test('empty records are counted, and forgotten when something comes', () => {
  const incoming = open13();
  for (let round = 0; round < 2; round++) {
    for (let count = 0; count < LIMITS.emptyRecords; count++) take(incoming, inner(23, new Uint8Array(0)));
    take(incoming, inner(23, ascii('x')));
  }
  for (let count = 0; count < LIMITS.emptyRecords; count++) take(incoming, inner(23, new Uint8Array(0)));
  assert.throws(() => take(incoming, inner(23, new Uint8Array(0))), { why: 'too-many-empty-records' });
});

test('change_cipher_spec is one byte of 1, and not without end', () => {
  for (const body of [Uint8Array.of(), Uint8Array.of(2), Uint8Array.of(1, 1)])
    assert.throws(() => take(new Incoming(), record(20, body)), { why: 'bad-change-cipher-spec' });
  const incoming = new Incoming();
  for (let count = 0; count < LIMITS.changeCipherSpecs; count++)
    assert.deepEqual(take(incoming, record(20, Uint8Array.of(1))), { received: 'nothing' });
  assert.throws(() => take(incoming, record(20, Uint8Array.of(1))), { why: 'too-many-empty-records' });
});

test('what was not encrypted is copied out of the input', () => {
  const incoming = new Incoming();
  const bytes = record(22, Uint8Array.of(1, 0, 0, 1, 7));
  take(incoming, bytes);
  bytes.fill(0);
  assert.deepEqual(incoming.joiner.take()?.body, Uint8Array.of(7));
});

test('keys do not change once more was received', () => {
  const incoming = new Incoming();
  const aligned = HandshakeAligned.prove(incoming.joiner) as HandshakeAligned;
  take(incoming, record(22, ascii('x')));
  assert.throws(() => incoming.useOpener(transparent, aligned), { why: 'internal-error' });
});
