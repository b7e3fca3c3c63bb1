import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ascii, type Bytes, concat, equal } from '../../core/bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import { nodeCrypto } from '../../crypto-node/provider.ts';
import { TicketKeys } from './ticket-keys.ts';

const STATE = ascii('the state of a session');
const HOUR = 3600;
const ticketKeys = (oneUse = false) => new TicketKeys(nodeCrypto, { rotationSeconds: HOUR, oneUse }, 0);
const isState = (opened: Bytes | null) => opened !== null && equal(opened, STATE);

test('what is sealed is opened for its purpose, and for no other', () => {
  const keys = ticketKeys();
  for (const [purpose, other] of [
    ['ticket', 'cookie'],
    ['cookie', 'ticket'],
  ] as const) {
    const sealed = keys.seal(purpose, STATE, 0);
    assert.ok(isState(keys.open(purpose, sealed, 0)));
    assert.ok(isState(keys.open(purpose, sealed, 0)));
    assert.equal(keys.open(other, sealed, 0), null);
    assert.equal(ticketKeys().open(purpose, sealed, 0), null);
  }
});

test('no bit can be changed, nothing added and nothing left out', () => {
  const keys = ticketKeys();
  const sealed = keys.seal('ticket', STATE, 0);
  for (let bit = 0; bit < 8 * sealed.length; bit++) {
    const changed = sealed.slice();
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
    assert.equal(keys.open('ticket', changed, 0), null);
  }
  for (let length = 0; length < sealed.length; length++)
    assert.equal(keys.open('ticket', sealed.subarray(0, length), 0), null);
  assert.equal(keys.open('ticket', concat(sealed, Uint8Array.of(0)), 0), null);
});

test('the same state is never sealed to the same bytes', () => {
  const keys = ticketKeys();
  const sealed = new Set(Array.from({ length: 1000 }, () => keys.seal('ticket', STATE, 0).toHex()));
  assert.equal(sealed.size, 1000);
});

test('a key seals for its time, opens for as long again, and is gone', () => {
  const keys = ticketKeys();
  const first = keys.seal('ticket', STATE, 0);
  const last = keys.seal('ticket', STATE, 1000 * HOUR - 1);
  const name = (ticket: Bytes) => ticket.subarray(0, 16).toHex();
  assert.equal(name(first), name(last));
  const second = keys.seal('ticket', STATE, 1000 * HOUR);
  assert.notEqual(name(second), name(first));
  assert.ok(isState(keys.open('ticket', last, 2000 * HOUR - 1)));
  assert.equal(keys.open('ticket', last, 2000 * HOUR), null);
  assert.ok(isState(keys.open('ticket', second, 2000 * HOUR)));
  assert.equal(keys.open('ticket', second, 9000 * HOUR), null);
});

test('a quiet hour is no reprieve: a key that nobody asked for is not the one before', () => {
  const keys = ticketKeys();
  const sealed = keys.seal('ticket', STATE, 0);
  assert.equal(keys.open('ticket', sealed, 2000 * HOUR), null);
});

test('with one use, a ticket is opened once, also after the rotation; a cookie as often as it comes', () => {
  const keys = ticketKeys(true);
  const [now, later] = [keys.seal('ticket', STATE, 0), keys.seal('ticket', STATE, 0)];
  assert.ok(isState(keys.open('ticket', now, 0)));
  assert.equal(keys.open('ticket', now, 0), null);
  assert.ok(isState(keys.open('ticket', later, 1500 * HOUR)));
  assert.equal(keys.open('ticket', later, 1500 * HOUR), null);
  assert.equal(keys.open('ticket', now, 1500 * HOUR), null);
  const cookie = keys.seal('cookie', STATE, 1500 * HOUR);
  for (let count = 0; count < 3; count++) assert.ok(isState(keys.open('cookie', cookie, 1500 * HOUR)));
});

test('so many uses are remembered, then the keys are rotated; nothing is ever opened twice', () => {
  const keys = ticketKeys(true);
  const tickets = Array.from({ length: LIMITS.ticketsRemembered + 1 }, () => keys.seal('ticket', STATE, 0));
  const [left, ...used] = tickets as [Bytes, ...Bytes[]];
  for (const ticket of used) assert.ok(keys.open('ticket', ticket, 0) !== null);
  // The register is full: one ticket more is refused, be it unused.
  assert.equal(keys.open('ticket', left, 0), null);
  const next = keys.seal('ticket', STATE, 0);
  assert.notDeepEqual(next.subarray(0, 16), left.subarray(0, 16));
  assert.ok(isState(keys.open('ticket', next, 0)));
  for (const ticket of used.slice(0, 100)) assert.equal(keys.open('ticket', ticket, 0), null);
});
