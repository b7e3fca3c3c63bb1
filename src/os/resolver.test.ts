import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { concat, EMPTY } from '../core/bytes.ts';
import { encodeAddress, formatAddress } from './addresses.ts';
import { ERRNO, POLL } from './constants.ts';
import { loadNative } from './load.ts';
import { type AddressFamily, decodeAnswer, LookUp, type LookUpConfinement, type LookUpResult } from './resolver.ts';

const native = loadNative();
const UNCONFINED: LookUpConfinement = { user: null, filter: EMPTY };

function resolve(
  host: string,
  service: string,
  family: AddressFamily,
  confinement: LookUpConfinement = UNCONFINED,
): LookUpResult {
  const lookUp = new LookUp(native, host, service, family, confinement);
  assert.equal(native.poll(Int32Array.of(lookUp.fd, POLL.IN), new Int32Array(1), 60_000), 1);
  const result = lookUp.read();
  lookUp.close();
  assert.ok(result !== null);
  return result;
}

function texts(result: LookUpResult): string[] {
  assert.ok(result.ok, JSON.stringify(result));
  return result.addresses.map(formatAddress);
}

test('names and literals are found', () => {
  assert.ok(texts(resolve('localhost', '443', 'ipv4')).includes('127.0.0.1:443'));
  assert.deepEqual(texts(resolve('192.0.2.7', '65535', 'ipv4')), ['192.0.2.7:65535']);
  assert.deepEqual(texts(resolve('2001:db8::7', '1', 'ipv6')), ['[2001:db8::7]:1']);
});

test('what is not there has a reason', () => {
  assert.deepEqual(resolve('not..a..name', '443', 'ipv4'), { ok: false, why: 'not-found' });
  assert.deepEqual(resolve('192.0.2.7', '443', 'ipv6'), { ok: false, why: 'not-found' });
  assert.deepEqual(resolve('localhost', 'no-such-service', 'ipv4'), { ok: false, why: 'unknown-service' });
  assert.throws(() => resolve('localhost', '65536', 'ipv4'), RangeError);
});

test('a look-up that cannot be confined is none', () => {
  const filter = new Uint8Array(8); // a program that the kernel does not accept
  assert.deepEqual(resolve('127.0.0.1', '443', 'ipv4', { user: null, filter }), { ok: false, why: 'filter-refused' });
  assert.throws(() => resolve('127.0.0.1', '443', 'ipv4', { user: null, filter: new Uint8Array(7) }), RangeError);
});

test('closing kills and reaps the child, whenever it comes', () => {
  const pids: number[] = [];
  const noticing = Object.create(native, {
    wait: {
      value: (pid: number, status: Int32Array, flags: number) => pids.push(pid) && native.wait(pid, status, flags),
    },
  });
  const lookUp = new LookUp(noticing, 'localhost', '443', 'ipv6', UNCONFINED);
  lookUp.close();
  lookUp.close();
  assert.equal(pids.length, 1);
  assert.equal(existsSync(`/proc/${pids[0]}`), false);
  assert.equal(native.getFdFlags(lookUp.fd), -ERRNO.EBADF);
});

const FOUND = Uint8Array.of(0);
const ADDRESS = encodeAddress({ family: 'ip', address: Uint8Array.of(127, 0, 0, 1), port: 443, scope: 0 });
const OTHER_FAMILY = encodeAddress({ family: 'ip', address: new Uint8Array(16), port: 443, scope: 0 });
const UNIX = encodeAddress({ family: 'unix', path: '/run/other' });
const entry = (address: Uint8Array) => concat(Uint8Array.of(address.length), address);

test('an answer that is not exactly one is refused', () => {
  const good = concat(FOUND, entry(ADDRESS));
  assert.equal(texts(decodeAnswer(good, 'ipv4', 443)).length, 1);
  const bad = { ok: false, why: 'bad-answer' };
  for (let length = 2; length < good.length; length++)
    assert.deepEqual(decodeAnswer(good.subarray(0, length), 'ipv4', 443), bad);
  const wrong = [
    EMPTY,
    concat(good, Uint8Array.of(16)),
    concat(Uint8Array.of(2), entry(ADDRESS)),
    concat(FOUND, entry(OTHER_FAMILY)),
    concat(FOUND, entry(UNIX)),
    concat(FOUND, Uint8Array.of(0)),
    concat(FOUND, ...new Array(200).fill(entry(ADDRESS))),
  ];
  for (const answer of wrong) assert.deepEqual(decodeAnswer(answer, 'ipv4', 443), bad);
  assert.deepEqual(decodeAnswer(good, 'ipv4', 22), bad, 'another port than was asked for');
  assert.equal(texts(decodeAnswer(good, 'ipv4', null)).length, 1);
  assert.deepEqual(decodeAnswer(FOUND, 'ipv4', 443), { ok: false, why: 'not-found' });
  assert.deepEqual(decodeAnswer(Uint8Array.of(200), 'ipv4', 443), { ok: false, why: 'failed' });
});

test('any answer is decoded or refused', () => {
  const shaped = fc.array(fc.constantFrom(entry(ADDRESS), entry(OTHER_FAMILY), entry(UNIX)), { maxLength: 70 });
  const answers = fc.oneof(
    fc.uint8Array({ maxLength: 2000 }),
    shaped.map((entries) => concat(FOUND, ...entries)),
  );
  fc.assert(
    fc.property(answers, (answer) => {
      const result = decodeAnswer(answer, 'ipv4', 443);
      if (!result.ok) return;
      for (const address of result.addresses)
        assert.ok(address.family === 'ip' && address.address.length === 4 && address.port === 443);
    }),
  );
});
