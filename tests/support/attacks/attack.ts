import type { Bytes } from '../../../src/core/bytes.ts';
import type { Why } from '../../../src/core/failures.ts';
import type { CertificateVerifier } from '../../../src/engine/answer.ts';
import { encodeU16 } from '../../../src/engine/codec/extensions.ts';
import { encodeServerHello, type ServerHello } from '../../../src/engine/codec/messages.ts';
import type { ClientConfig } from '../../../src/engine/config.ts';
import type { Conversation } from '../conversation.ts';
import type { ServerScript } from '../scripted-server.ts';

/** One wrong turn of a server, and what a client has to make of it. */
export interface Attack {
  readonly why: Why;
  readonly script?: ServerScript;
  readonly config?: Partial<ClientConfig>;
  readonly verifier?: CertificateVerifier;
  /** What the server does when the handshake is through, or when it has not answered. */
  readonly afterwards?: (conversation: Conversation) => void;
}

/** By what is wrong. */
export type Attacks = Readonly<Record<string, Attack>>;

/** A server that reads and does not answer. */
export const SILENT: ServerScript = { silent: true };

export function withExtensions(hello: ServerHello, ...changes: [number, Bytes | null][]): ServerHello {
  const extensions = new Map(hello.extensions);
  for (const [code, body] of changes) {
    if (body === null) extensions.delete(code);
    else extensions.set(code, body);
  }
  return { ...hello, extensions };
}

export function changedHello(change: (hello: ServerHello) => ServerHello): ServerScript {
  return { serverHello: (hello) => encodeServerHello(change(hello)) };
}

/** Two extensions of one kind, which a Map cannot hold: the last one is renamed to the first. */
export function duplicated(message: Bytes, code: number, other: number): Bytes {
  const changed = message.slice();
  for (let at = changed.length - 4; at > 0; at--) {
    if ((((changed[at] as number) << 8) | (changed[at + 1] as number)) !== other) continue;
    changed.set(encodeU16(code), at);
    return changed;
  }
  throw new Error('no such extension');
}
