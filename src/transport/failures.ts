/**
 * What goes wrong outside TLS: in the name look-up, in dialling, on either side of the pump, or by the clock. The TLS failures
 * themselves are those of `core/failures.ts`; both have the same shape.
 */
export interface TransportFailure {
  readonly kind: TransportFailureKind;
  readonly why: TransportWhy;
  /** What was found: an address and an error's text, never data. */
  readonly detail?: string;
}

export type TransportFailureKind =
  | 'cannot-connect' // nobody answered, before any TLS
  | 'timeout' // a time that the user set is over
  | 'input-output'; // a descriptor failed

export type TransportWhy = keyof typeof TRANSPORT_FAILURES;

export const TRANSPORT_FAILURES = {
  'host-not-found': 'cannot-connect',
  'look-up-failed': 'cannot-connect',
  'connection-refused': 'cannot-connect',
  'connection-failed': 'cannot-connect',
  'look-up-timeout': 'timeout',
  'connect-timeout': 'timeout',
  'handshake-timeout': 'timeout',
  'idle-timeout': 'timeout',
  'network-failed': 'input-output',
  'application-gone': 'input-output',
  'application-failed': 'input-output',
} as const satisfies Record<string, TransportFailureKind>;

export function transportFailure(why: TransportWhy, detail?: string): TransportFailure {
  return { kind: TRANSPORT_FAILURES[why], why, ...(detail === undefined ? {} : { detail }) };
}
