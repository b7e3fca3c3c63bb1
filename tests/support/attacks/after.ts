import { ascii, type Bytes, EMPTY } from '../../../src/core/bytes.ts';
import { LIMITS } from '../../../src/core/limits.ts';
import { encodeU16 } from '../../../src/engine/codec/extensions.ts';
import { encodeFinished, encodeNewSessionTicket, handshakeMessage } from '../../../src/engine/codec/messages.ts';
import { CONTENT_TYPE, EXTENSION, HANDSHAKE_TYPE } from '../../../src/engine/codec/registry.ts';
import { type Attacks, duplicated, SILENT } from './attack.ts';

const ticket = (ticketBytes: Bytes, ...pairs: [number, Bytes][]): Bytes =>
  encodeNewSessionTicket({
    lifetimeSeconds: 60,
    ageAdd: 0,
    nonce: EMPTY,
    ticket: ticketBytes,
    extensions: new Map(pairs),
  });

/** What a server does wrong when the handshake is done: RFC 8446 sections 4.6 and 6. */
export const AFTER_ATTACKS: Attacks = {
  'a message that has no place after the handshake': {
    why: 'unexpected-message',
    afterwards: ({ server }) => server.record(CONTENT_TYPE.handshake, encodeFinished(new Uint8Array(32))),
  },
  'a message type that nobody knows': {
    why: 'unexpected-message',
    afterwards: ({ server }) => server.record(CONTENT_TYPE.handshake, Uint8Array.of(99, 0, 0, 0)),
  },
  'a renegotiation': {
    why: 'unexpected-message',
    afterwards: ({ server }) => server.record(CONTENT_TYPE.handshake, Uint8Array.of(0, 0, 0, 0)),
  },
  'a KeyUpdate of another value': {
    why: 'illegal-parameter',
    afterwards: ({ server }) =>
      server.record(
        CONTENT_TYPE.handshake,
        handshakeMessage(HANDSHAKE_TYPE.key_update, (body) => body.u8(2)),
      ),
  },
  'KeyUpdates without end': {
    why: 'too-many-key-updates',
    afterwards: ({ server }) => {
      for (let count = 0; count <= LIMITS.keyUpdates; count++) server.updateKeys('update_requested');
    },
  },
  'an empty ticket': {
    why: 'decode-error',
    afterwards: ({ server }) => server.record(CONTENT_TYPE.handshake, ticket(EMPTY)),
  },
  'a ticket with a broken early_data': {
    why: 'decode-error',
    afterwards: ({ server }) =>
      server.record(CONTENT_TYPE.handshake, ticket(ascii('t'), [EXTENSION.early_data, encodeU16(1)])),
  },
  'a ticket with an extension twice': {
    why: 'duplicate-extension',
    afterwards: ({ server }) =>
      server.record(CONTENT_TYPE.handshake, duplicated(ticket(ascii('t'), [4241, EMPTY], [4242, EMPTY]), 4241, 4242)),
  },
  'tickets without end': {
    why: 'too-many-tickets',
    afterwards: ({ server }) => {
      for (let count = 0; count <= LIMITS.ticketsWithoutData; count++)
        server.record(CONTENT_TYPE.handshake, ticket(ascii('t')));
    },
  },
  'a fatal alert': { why: 'alert-received', afterwards: ({ server }) => server.alert(2, 'internal_error') },
  'a fatal alert in place of ServerHello': {
    why: 'alert-received',
    script: SILENT,
    afterwards: ({ server }) => server.alert(2, 'handshake_failure'),
  },
  'close_notify in the handshake': {
    why: 'closed-in-handshake',
    script: SILENT,
    afterwards: ({ server }) => server.alert(1, 'close_notify'),
  },
  'the end of the network without close_notify': {
    why: 'truncated',
    afterwards: ({ client }) => client.connection.receiveEnd(),
  },
  'the end of the network in the handshake': {
    why: 'closed-in-handshake',
    script: SILENT,
    afterwards: ({ client }) => client.connection.receiveEnd(),
  },
};
