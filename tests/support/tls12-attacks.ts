import assert from 'node:assert/strict';
import type { Bytes } from '../../src/core/bytes.ts';
import { FAILURES, type Why } from '../../src/core/failures.ts';
import {
  type ClientHello,
  decodeClientHello,
  decodeServerHello,
  encodeClientHello,
  encodeServerHello,
  handshakeMessage,
  type ServerHello,
} from '../../src/engine/codec/messages.ts';
import {
  decodeServerKeyExchange,
  encodeServerKeyExchange,
  type ServerKeyExchange,
} from '../../src/engine/codec/messages12.ts';
import { HANDSHAKE_TYPE, type HandshakeType } from '../../src/engine/codec/registry.ts';
import { carry, type Pair } from './carry.ts';
import { serverCertificate } from './certificates.ts';
import { softwareKeys } from './software-keys.ts';
import { converse12, type Sides, type Tamper } from './tls12.ts';

/** What both sides show if they show anything. */
export const CERTIFICATE = serverCertificate(undefined, { dns: ['localhost'] });
export const KEYS = softwareKeys([{ chain: [CERTIFICATE.der], privatePem: CERTIFICATE.key.privatePem }]);
/** The client shows a certificate. */
export const WITH_CLIENT_CERTIFICATE: Sides = { server: { clientCertificate: 'required' }, clientKeys: KEYS };

/** What one side does wrong, and what the other makes of it. */
export interface Attack extends Sides {
  readonly why: Why;
  /** Which of us finds it. Default: the client. */
  readonly victim?: 'client' | 'server';
  /** What is done to an open connection. */
  readonly afterwards?: (pair: Pair) => Promise<void>;
}

/** Replaces the message of that type. */
export function message(type: HandshakeType, replace: (whole: Bytes) => Bytes | readonly Bytes[]): Tamper {
  return (action) => {
    if (action.action !== 'send' || action.message[0] !== type) return [action];
    const replaced = replace(action.message);
    return (replaced instanceof Uint8Array ? [replaced] : replaced).map((whole) => ({
      action: 'send',
      message: whole,
    }));
  };
}

/** Changes the ServerHello. */
export function serverHello(change: (hello: ServerHello) => Partial<ServerHello>): Tamper {
  return message(HANDSHAKE_TYPE.server_hello, (whole) => {
    const hello = decodeServerHello(whole.subarray(4));
    return encodeServerHello({ ...hello, ...change(hello) });
  });
}

/** Null takes the extension out. */
export function withServerExtension(code: number, body: Bytes | null): Tamper {
  return serverHello(({ extensions }) => ({ extensions: changed(extensions, code, body) }));
}

/** Changes the ClientHello. */
export function clientHello(change: (hello: ClientHello) => Partial<ClientHello>): Tamper {
  return message(HANDSHAKE_TYPE.client_hello, (whole) => {
    const hello = decodeClientHello(whole.subarray(4));
    return encodeClientHello({ ...hello, ...change(hello) });
  });
}

/** Null takes the extension out. */
export function withClientExtension(code: number, body: Bytes | null): Tamper {
  return clientHello(({ extensions }) => ({ extensions: changed(extensions, code, body) }));
}

function changed(extensions: ReadonlyMap<number, Bytes>, code: number, body: Bytes | null): Map<number, Bytes> {
  const copy = new Map(extensions);
  if (body === null) copy.delete(code);
  else copy.set(code, body);
  return copy;
}

/** Changes the ServerKeyExchange, whose signature stays. */
export function keyExchange(change: (message: ServerKeyExchange) => Partial<ServerKeyExchange>): Tamper {
  return message(HANDSHAKE_TYPE.server_key_exchange, (whole) => {
    const decoded = decodeServerKeyExchange(whole.subarray(4));
    return encodeServerKeyExchange({ ...decoded, ...change(decoded) });
  });
}

/** Does `insert` before the first action that `matches`. */
export function before(matches: Parameters<Tamper>[0]['action'], insert: ReturnType<Tamper>): Tamper {
  return (action) => (action.action === matches ? [...insert, action] : [action]);
}

/** Leaves these actions out. */
export const without =
  (unwanted: Parameters<Tamper>[0]['action']): Tamper =>
  (action) =>
    action.action === unwanted ? [] : [action];

/** A change_cipher_spec more. */
export const CCS = { action: 'send-change-cipher-spec' } as const;
/** A Finished of no handshake. */
export const FINISHED = handshakeMessage(HANDSHAKE_TYPE.finished, (body) => body.bytes(new Uint8Array(12)));

/** A further message under protection, in a record of its own. */
export function afterFinished(extra: Bytes): Tamper {
  const sealers: Parameters<Tamper>[0][] = [];
  return (action) => {
    if (action.action === 'seal-with') sealers.push(action);
    return action.action === 'open' ? [...sealers.slice(-1), { action: 'send', message: extra }, action] : [action];
  };
}

/** Runs the attack: the victim fails for that reason, and tells the other side with its alert. */
export async function suffer({ why, victim = 'client', afterwards, ...sides }: Attack): Promise<void> {
  const pair = await converse12({ serverKeys: KEYS, ...sides });
  if (afterwards !== undefined) {
    assert.deepEqual([pair.client.failure, pair.server.failure], [undefined, undefined]);
    await afterwards(pair);
    await carry(pair);
  }
  const { [victim]: hurt, [victim === 'client' ? 'server' : 'client']: other } = pair;
  assert.equal(hurt.failure?.why, why, `${hurt.failure?.detail}; the other: ${other.failure?.why}`);
  assert.equal(hurt.connection.phase, 'failed');
  const { alert } = FAILURES[why];
  if (other.failure !== undefined && alert !== null) assert.equal(other.failure.detail, alert);
}
