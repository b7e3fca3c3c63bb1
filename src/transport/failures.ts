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

/** Who or what is to blame. */
export type TransportFailureKind =
  | 'cannot-connect' // nobody answered, before any TLS
  | 'configuration' // this system cannot do it as it was asked for
  | 'timeout' // a time that the user set is over
  | 'input-output'; // a descriptor failed

/** The stable codes of {@link TransportFailure}. */
export type TransportWhy = keyof typeof TRANSPORT_FAILURES;

/** Every way to fail outside of TLS, and its kind. */
export const TRANSPORT_FAILURES = {
  'host-not-found': 'cannot-connect',
  'look-up-failed': 'cannot-connect',
  'look-up-unconfined': 'configuration',
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

/** The failure with its kind. @param detail never data of either side */
export function transportFailure(why: TransportWhy, detail?: string): TransportFailure {
  return { kind: TRANSPORT_FAILURES[why], why, ...(detail === undefined ? {} : { detail }) };
}
