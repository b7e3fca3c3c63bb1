import type { AlertName } from './alerts.ts';
import type { Bytes } from './bytes.ts';

/**
 * A failure is data. `kind` says who is to blame, `why` is the stable code that machines match on, `detail` is what was found
 * (never a secret, never more of the peer's bytes than is fit for a terminal). The alert that goes to the peer comes from
 * {@link FAILURES}; exit codes and advice come from the tables in `commands/`.
 */
export interface Failure {
  readonly kind: FailureKind;
  readonly why: Why;
  readonly detail?: string;
  /**
   * Of `ech-rejected`: the ECHConfigList to use in the next connection, from a server that has proved to be the public name.
   * Absent: it has no Encrypted Client Hello (RFC 9849 section 6.1.6).
   */
  readonly retryConfigs?: Bytes;
}

/** Who is to blame. */
export type FailureKind =
  | 'peer-misbehaved' // it broke a rule of the protocol
  | 'peer-incompatible' // it is within its rights, but we share too little
  | 'peer-refused' // it sent us a fatal alert
  | 'certificate-rejected' // its certificate is not acceptable to us
  | 'truncated' // the network ended without close_notify
  | 'internal'; // our own mistake, or an answer from outside the engine that cannot be

/** The stable codes, one for each entry of {@link FAILURES}. */
export type Why = keyof typeof FAILURES;

/** Thrown inside the pure rooms, and turned into a {@link Failure} at their edge. */
export class TlsError extends Error {
  override readonly name = 'TlsError';
  readonly why: Why;
  readonly detail: string | undefined;

  constructor(why: Why, detail?: string) {
    super(detail === undefined ? why : `${why}: ${detail}`);
    this.why = why;
    this.detail = detail;
  }

  get failure(): Failure {
    const { why, detail } = this;
    return { kind: FAILURES[why].kind, why, ...(detail === undefined ? {} : { detail }) };
  }
}

/** The server is whom the ECHConfig names, and could not read what was sealed for it. */
export class EchRejected extends TlsError {
  readonly retryConfigs: Bytes | null;

  constructor(publicName: string, retryConfigs: Bytes | null) {
    super('ech-rejected', `${publicName} ${retryConfigs === null ? 'has none' : 'proposes other configurations'}`);
    this.retryConfigs = retryConfigs;
  }

  override get failure(): Failure {
    const { retryConfigs } = this;
    return { ...super.failure, ...(retryConfigs === null ? {} : { retryConfigs }) };
  }
}

/** Every way to fail, who is to blame for it, and the alert which the RFCs demand. `null`: nothing is to be sent any more. */
export const FAILURES = {
  // Records (RFC 8446 section 5)
  'not-tls': { kind: 'peer-misbehaved', alert: 'unexpected_message' },
  'bad-record-version': { kind: 'peer-misbehaved', alert: 'protocol_version' },
  'record-overflow': { kind: 'peer-misbehaved', alert: 'record_overflow' },
  'bad-record-mac': { kind: 'peer-misbehaved', alert: 'bad_record_mac' },
  'record-without-type': { kind: 'peer-misbehaved', alert: 'unexpected_message' },
  'unexpected-record': { kind: 'peer-misbehaved', alert: 'unexpected_message' },
  'empty-record': { kind: 'peer-misbehaved', alert: 'unexpected_message' },
  'too-many-empty-records': { kind: 'peer-misbehaved', alert: 'unexpected_message' },
  'too-many-warnings': { kind: 'peer-misbehaved', alert: 'unexpected_message' },
  'unaligned-key-change': { kind: 'peer-misbehaved', alert: 'unexpected_message' },
  'bad-change-cipher-spec': { kind: 'peer-misbehaved', alert: 'unexpected_message' },
  'bad-alert': { kind: 'peer-misbehaved', alert: 'decode_error' },
  'unknown-alert-level': { kind: 'peer-misbehaved', alert: 'illegal_parameter' },
  'record-sequence-exhausted': { kind: 'internal', alert: 'internal_error' },
  // Messages (section 4)
  'unexpected-message': { kind: 'peer-misbehaved', alert: 'unexpected_message' },
  'decode-error': { kind: 'peer-misbehaved', alert: 'decode_error' },
  'message-too-large': { kind: 'peer-misbehaved', alert: 'illegal_parameter' },
  'illegal-parameter': { kind: 'peer-misbehaved', alert: 'illegal_parameter' },
  'duplicate-extension': { kind: 'peer-misbehaved', alert: 'illegal_parameter' },
  'unsolicited-extension': { kind: 'peer-misbehaved', alert: 'unsupported_extension' },
  'misplaced-extension': { kind: 'peer-misbehaved', alert: 'unsupported_extension' },
  'missing-extension': { kind: 'peer-misbehaved', alert: 'missing_extension' },
  'second-hello-retry-request': { kind: 'peer-misbehaved', alert: 'unexpected_message' },
  'hello-retry-request-without-effect': { kind: 'peer-misbehaved', alert: 'illegal_parameter' },
  'downgrade-detected': { kind: 'peer-misbehaved', alert: 'illegal_parameter' },
  'duplicate-key-share': { kind: 'peer-misbehaved', alert: 'illegal_parameter' },
  'pre-shared-key-not-last': { kind: 'peer-misbehaved', alert: 'illegal_parameter' },
  'changed-client-hello': { kind: 'peer-misbehaved', alert: 'illegal_parameter' },
  'too-much-early-data': { kind: 'peer-misbehaved', alert: 'unexpected_message' },
  'bad-key-share': { kind: 'peer-misbehaved', alert: 'illegal_parameter' },
  'bad-finished': { kind: 'peer-misbehaved', alert: 'decrypt_error' },
  'bad-binder': { kind: 'peer-misbehaved', alert: 'decrypt_error' },
  'bad-signature': { kind: 'peer-misbehaved', alert: 'decrypt_error' },
  'wrong-signature-scheme': { kind: 'peer-misbehaved', alert: 'illegal_parameter' },
  'no-certificate': { kind: 'peer-misbehaved', alert: 'decode_error' },
  'certificate-decompression-failed': { kind: 'peer-misbehaved', alert: 'bad_certificate' },
  'too-many-key-updates': { kind: 'peer-misbehaved', alert: 'unexpected_message' },
  'too-many-tickets': { kind: 'peer-misbehaved', alert: 'unexpected_message' },
  'renegotiation-mismatch': { kind: 'peer-misbehaved', alert: 'handshake_failure' },
  'bad-ech-payload': { kind: 'peer-misbehaved', alert: 'decrypt_error' },
  'unsolicited-alpn': { kind: 'peer-misbehaved', alert: 'illegal_parameter' },
  // What we do not share
  'version-not-supported': { kind: 'peer-incompatible', alert: 'protocol_version' },
  'no-common-suite': { kind: 'peer-incompatible', alert: 'handshake_failure' },
  'no-common-group': { kind: 'peer-incompatible', alert: 'handshake_failure' },
  'no-common-signature-scheme': { kind: 'peer-incompatible', alert: 'handshake_failure' },
  'extended-master-secret-missing': { kind: 'peer-incompatible', alert: 'handshake_failure' },
  'secure-renegotiation-missing': { kind: 'peer-incompatible', alert: 'handshake_failure' },
  'renegotiation-refused': { kind: 'peer-incompatible', alert: 'no_renegotiation' },
  'inappropriate-fallback': { kind: 'peer-incompatible', alert: 'inappropriate_fallback' },
  'no-common-alpn': { kind: 'peer-incompatible', alert: 'no_application_protocol' },
  'ech-rejected': { kind: 'peer-incompatible', alert: 'ech_required' },
  'ech-config-unusable': { kind: 'peer-incompatible', alert: null },
  'unrecognized-name': { kind: 'peer-incompatible', alert: 'unrecognized_name' },
  'client-certificate-missing': { kind: 'peer-incompatible', alert: 'certificate_required' },
  'tls12-client-certificate-missing': { kind: 'peer-incompatible', alert: 'handshake_failure' },
  // What the peer said, and how the stream ended
  'alert-received': { kind: 'peer-refused', alert: null },
  'closed-in-handshake': { kind: 'peer-refused', alert: null },
  'truncated': { kind: 'truncated', alert: null },
  // Certificates (RFC 5280, RFC 9525)
  'certificate-malformed': { kind: 'certificate-rejected', alert: 'bad_certificate' },
  'certificate-expired': { kind: 'certificate-rejected', alert: 'certificate_expired' },
  'certificate-not-yet-valid': { kind: 'certificate-rejected', alert: 'certificate_expired' },
  'certificate-unknown-issuer': { kind: 'certificate-rejected', alert: 'unknown_ca' },
  'certificate-missing-intermediate': { kind: 'certificate-rejected', alert: 'unknown_ca' },
  'certificate-self-signed': { kind: 'certificate-rejected', alert: 'unknown_ca' },
  'certificate-name-mismatch': { kind: 'certificate-rejected', alert: 'bad_certificate' },
  'certificate-pin-mismatch': { kind: 'certificate-rejected', alert: 'bad_certificate' },
  'certificate-bad-signature': { kind: 'certificate-rejected', alert: 'bad_certificate' },
  'certificate-weak-key': { kind: 'certificate-rejected', alert: 'bad_certificate' },
  'certificate-weak-signature': { kind: 'certificate-rejected', alert: 'bad_certificate' },
  'certificate-wrong-purpose': { kind: 'certificate-rejected', alert: 'unsupported_certificate' },
  'certificate-issuer-not-a-ca': { kind: 'certificate-rejected', alert: 'bad_certificate' },
  'certificate-path-too-long': { kind: 'certificate-rejected', alert: 'bad_certificate' },
  'certificate-unknown-critical-extension': { kind: 'certificate-rejected', alert: 'unsupported_certificate' },
  'certificate-name-constraint': { kind: 'certificate-rejected', alert: 'bad_certificate' },
  'certificate-unsupported-key': { kind: 'certificate-rejected', alert: 'unsupported_certificate' },
  'certificate-unsupported-signature': { kind: 'certificate-rejected', alert: 'unsupported_certificate' },
  'certificate-not-conforming': { kind: 'certificate-rejected', alert: 'bad_certificate' },
  'certificate-budget-exhausted': { kind: 'certificate-rejected', alert: 'bad_certificate' },
  'certificate-not-welcome': { kind: 'certificate-rejected', alert: 'access_denied' },
  'certificate-revoked': { kind: 'certificate-rejected', alert: 'certificate_revoked' },
  'certificate-status-missing': { kind: 'certificate-rejected', alert: 'bad_certificate_status_response' },
  'certificate-status-rejected': { kind: 'certificate-rejected', alert: 'bad_certificate_status_response' },
  'certificate-chain-too-long': { kind: 'certificate-rejected', alert: 'bad_certificate' },
  // Ours
  'key-holder-gone': { kind: 'internal', alert: 'internal_error' },
  'key-holder-refused': { kind: 'internal', alert: 'internal_error' },
  'key-holder-timed-out': { kind: 'internal', alert: 'internal_error' },
  'key-holder-misbehaved': { kind: 'internal', alert: 'internal_error' },
  'aborted': { kind: 'internal', alert: 'user_canceled' },
  'internal-error': { kind: 'internal', alert: 'internal_error' },
} as const satisfies Record<string, { readonly kind: FailureKind; readonly alert: AlertName | null }>;
