import type { Bytes } from '../core/bytes.ts';
import { TlsError } from '../core/failures.ts';
import type { Answer, Effect, SessionFacts, Ticket } from './connection.ts';
import type { EarlyDataSkip, RecordRules } from './record/incoming.ts';
import type { HandshakeAligned, HandshakeMessage } from './record/joiner.ts';
import type { Opener, Sealer } from './record/protection.ts';

/**
 * What a role's state machine is: `step(state, event) → { state, actions }`. It touches nothing outside; the connection carries
 * the actions out in their order. A state is a member of a union with a `state` tag: `expect-…` when the peer owes a message,
 * `await-…` when we owe an answer, `open` when the handshake is done.
 */
export interface Machine<State extends MachineState> {
  start(): Step<State>;
  /** @throws TlsError for what the peer may not do */
  step(state: State, event: Event): Step<State>;
  /** RFC 8446 section 7.5, RFC 5705. @param state an open one */
  exportKeyingMaterial(state: State, label: string, context: Bytes | null, length: number): Bytes;
}

/** What every state has. */
export interface MachineState {
  readonly state: string;
  /** All secrets that the state holds: overwritten when the connection fails or ends while in it. */
  readonly secrets: Secrets;
}

/** By name; each can be overwritten. */
export type Secrets = Readonly<Record<string, Bytes | { overwrite(): void }>>;

/** Of a state that holds none. */
export type NoSecrets = Readonly<Record<string, never>>;
export const NO_SECRETS: NoSecrets = {};

/** What a step comes to: the next state, and what to do, in this order. */
export interface Step<State> {
  readonly state: State;
  readonly actions: readonly Action[];
}

/** What moves a machine. */
export type Event =
  /** `aligned` is there if nothing of a next message has been received with this one. */
  | { readonly event: 'message'; readonly message: HandshakeMessage; readonly aligned: HandshakeAligned | null }
  /** TLS 1.2 alone, and only where its rules take one. */
  | { readonly event: 'change-cipher-spec'; readonly aligned: HandshakeAligned | null }
  | { readonly event: 'answer'; readonly answer: Answer }
  /** Our side wants new sending keys, and perhaps the peer's too. */
  | { readonly event: 'update-keys'; readonly requestPeer: boolean };

/** What the connection does for its machine. */
export type Action =
  | { readonly action: 'send'; readonly message: Bytes }
  | { readonly action: 'owe-change-cipher-spec' }
  | { readonly action: 'send-change-cipher-spec' }
  | { readonly action: 'seal-with'; readonly sealer: Sealer }
  | { readonly action: 'open-with'; readonly opener: Opener; readonly aligned: HandshakeAligned }
  | { readonly action: 'apply-rules'; readonly rules: RecordRules }
  | { readonly action: 'skip-early-data'; readonly records: EarlyDataSkip }
  /** RFC 8449, in TLSInnerPlaintext bytes: what the peer takes, and what we said we take. */
  | { readonly action: 'limit-records'; readonly sendBytes: number; readonly receiveBytes: number }
  | { readonly action: 'ask'; readonly effect: Effect }
  /**
   * Answer with a KeyUpdate of our own before the next application data, or our close_notify: one for however many requests (RFC 8446
   * section 4.6.3).
   */
  | { readonly action: 'owe-key-update' }
  | { readonly action: 'open'; readonly session: SessionFacts }
  | { readonly action: 'ticket'; readonly ticket: Ticket }
  /** The handshake is complete, and the connection is not to be used. */
  | { readonly action: 'fail'; readonly error: TlsError }
  /** Only if the configuration asked for it. */
  | { readonly action: 'log-secret'; readonly line: string };

/** The message of `event`, if it is of a type that may come now. @throws TlsError unexpected-message */
export function expectMessage(event: Event, ...types: readonly number[]): MessageEvent {
  if (event.event !== 'message') throw new TlsError('internal-error', `${event.event} while a message is expected`);
  if (!types.includes(event.message.type))
    throw new TlsError('unexpected-message', `handshake type ${event.message.type}`);
  return event;
}

/** A handshake message, complete. */
export type MessageEvent = Extract<Event, { event: 'message' }>;

/** The answer of `event`, if it is of the kind that was asked for. @throws TlsError with the failure of a refusal */
export function expectAnswer<Kind extends Answer['answer']>(
  event: Event,
  kind: Kind,
): Extract<Answer, { answer: Kind }> {
  if (event.event !== 'answer') throw new TlsError('internal-error', `${event.event} while an answer is awaited`);
  const { answer } = event;
  if (answer.answer === 'refused') throw new TlsError(answer.failure.why, answer.failure.detail);
  if (answer.answer !== kind) throw new TlsError('internal-error', `${answer.answer} in answer to another effect`);
  return answer as Extract<Answer, { answer: Kind }>;
}

/** RFC 8446 section 5.1: messages do not span key changes. @throws TlsError unaligned-key-change */
export function requireAligned({ aligned }: MessageEvent): HandshakeAligned {
  if (aligned === null) throw new TlsError('unaligned-key-change');
  return aligned;
}

/** Leaves zeros where the secrets were. */
export function overwrite(secrets: Secrets): void {
  for (const secret of Object.values(secrets)) {
    if (secret instanceof Uint8Array) secret.fill(0);
    else secret.overwrite();
  }
}
