import { ALERT, type AlertName, alertName } from '../core/alerts.ts';
import { latin1 } from '../core/bytes.ts';
import { FAILURES, type Failure, TlsError, type Why } from '../core/failures.ts';
import { VERSION } from '../engine/codec/registry.ts';
import { type Handle, type OpenSslLibrary, readFacts } from './library.ts';

/**
 * Why OpenSSL has ended the connection, in our codes: by its own reason where that is as exact as ours, else by the alert that it
 * has sent. The detail is OpenSSL's text.
 */
export function failureOf(library: OpenSslLibrary, connection: Handle): Failure {
  const { errorLibrary, errorReason, alertSent, version } = readFacts(library, connection);
  const text = latin1(library.reason(connection) ?? new Uint8Array(0));
  const ofTls = errorLibrary === ERR_LIB_SSL;
  if (ofTls && errorReason > ALERT_REASON && errorReason < ALERT_REASON + 256) {
    const alert = errorReason - ALERT_REASON;
    return new TlsError('alert-received', alertName(alert) ?? `alert ${alert}`).failure;
  }
  const found = (ofTls ? WHY_OF_REASON.get(errorReason) : undefined) ?? whyOfAlert(alertSent);
  const why =
    found === 'client-certificate-missing' && version === VERSION.tls12 ? 'tls12-client-certificate-missing' : found;
  return new TlsError(why, text === '' ? `OpenSSL ${errorLibrary}:${errorReason}` : text).failure;
}

/** The X509_V_ERR_ code with which OpenSSL sends the alert of `why`, or the nearest that it has. */
export function verifyErrorOf(why: Why): number {
  const { alert } = FAILURES[why];
  const found = alert === null ? undefined : VERIFY_ERROR[alert];
  return found ?? X509_V_ERR_UNSPECIFIED;
}

/** openssl/err.h, ssl.h: errors of libssl, and those that are an alert of the peer. */
const ERR_LIB_SSL = 20;
const ALERT_REASON = 1000;

function whyOfAlert(alert: number): Why {
  const name = alertName(alert);
  return (name === undefined || alert === ALERT.close_notify ? undefined : WHY_OF_ALERT[name]) ?? 'internal-error';
}

/** SSL_R_ codes (openssl/sslerr.h), which keep their numbers. */
const WHY_OF_REASON: ReadonlyMap<number, Why> = new Map<number, Why>([
  [155, 'not-tls'], // HTTPS_PROXY_REQUEST
  [156, 'not-tls'], // HTTP_REQUEST
  [267, 'not-tls'], // WRONG_VERSION_NUMBER: no record begins so
  [443, 'not-tls'], // BAD_RECORD_TYPE
  [258, 'version-not-supported'], // UNSUPPORTED_PROTOCOL
  [396, 'version-not-supported'], // VERSION_TOO_LOW
  [166, 'version-not-supported'], // VERSION_TOO_HIGH
  [103, 'bad-change-cipher-spec'], // BAD_CHANGE_CIPHER_SPEC
  [260, 'bad-change-cipher-spec'], // INVALID_CCS_MESSAGE
  [146, 'record-overflow'], // DATA_LENGTH_TOO_LONG
  [150, 'record-overflow'], // ENCRYPTED_LENGTH_TOO_LONG
  [198, 'record-overflow'], // PACKET_LENGTH_TOO_LONG
  [281, 'bad-record-mac'], // DECRYPTION_FAILED_OR_BAD_RECORD_MAC
  [182, 'unaligned-key-change'], // NOT_ON_RECORD_BOUNDARY
  [205, 'bad-alert'], // INVALID_ALERT
  [246, 'unknown-alert-level'], // UNKNOWN_ALERT_TYPE
  [409, 'too-many-warnings'], // TOO_MANY_WARN_ALERTS
  [245, 'unexpected-record'], // UNEXPECTED_RECORD
  [152, 'message-too-large'], // EXCESSIVE_MESSAGE_SIZE
  [132, 'too-many-key-updates'], // TOO_MANY_KEY_UPDATES
  [217, 'unsolicited-extension'], // UNSOLICITED_EXTENSION
  [373, 'inappropriate-fallback'], // INAPPROPRIATE_FALLBACK
  [108, 'bad-key-share'], // BAD_KEY_SHARE
  [306, 'bad-key-share'], // BAD_ECPOINT
  [123, 'bad-signature'], // BAD_SIGNATURE
  [149, 'bad-finished'], // DIGEST_CHECK_FAILED
  [253, 'bad-binder'], // BINDER_DOES_NOT_VERIFY
  [370, 'wrong-signature-scheme'], // WRONG_SIGNATURE_TYPE
  [193, 'no-common-suite'], // NO_SHARED_CIPHER
  [410, 'no-common-group'], // NO_SHARED_GROUPS
  [101, 'no-common-group'], // NO_SUITABLE_KEY_SHARE
  [295, 'no-common-group'], // NO_SUITABLE_GROUPS
  [118, 'no-common-signature-scheme'], // NO_SUITABLE_SIGNATURE_ALGORITHM
  [376, 'no-common-signature-scheme'], // NO_SHARED_SIGNATURE_ALGORITHMS
  [235, 'no-common-alpn'], // NO_APPLICATION_PROTOCOL
  [199, 'client-certificate-missing'], // PEER_DID_NOT_RETURN_A_CERTIFICATE
  [104, 'extended-master-secret-missing'], // INCONSISTENT_EXTMS
  [338, 'secure-renegotiation-missing'], // UNSAFE_LEGACY_RENEGOTIATION_DISABLED
  [337, 'renegotiation-mismatch'], // RENEGOTIATION_MISMATCH
]);

/** Where the reason says nothing more. */
const WHY_OF_ALERT: Readonly<Partial<Record<AlertName, Why>>> = {
  unexpected_message: 'unexpected-message',
  bad_record_mac: 'bad-record-mac',
  record_overflow: 'record-overflow',
  handshake_failure: 'no-common-suite',
  bad_certificate: 'certificate-malformed',
  illegal_parameter: 'illegal-parameter',
  decode_error: 'decode-error',
  decrypt_error: 'bad-signature',
  protocol_version: 'version-not-supported',
  insufficient_security: 'no-common-suite',
  missing_extension: 'missing-extension',
  unsupported_extension: 'unsolicited-extension',
  unrecognized_name: 'unrecognized-name',
  no_application_protocol: 'no-common-alpn',
  certificate_required: 'client-certificate-missing',
  no_renegotiation: 'renegotiation-refused',
};

/** openssl/x509_vfy.h, by the alerts that libssl makes of them (ssl/statem/statem_lib.c). */
const X509_V_ERR_UNSPECIFIED = 1;
const VERIFY_ERROR: Readonly<Partial<Record<AlertName, number>>> = {
  unknown_ca: 20, // UNABLE_TO_GET_ISSUER_CERT_LOCALLY
  certificate_expired: 10, // CERT_HAS_EXPIRED
  certificate_revoked: 23, // CERT_REVOKED
  unsupported_certificate: 26, // INVALID_PURPOSE
  bad_certificate: 28, // CERT_REJECTED
  bad_certificate_status_response: 28,
  decrypt_error: 7, // CERT_SIGNATURE_FAILURE
  handshake_failure: 50, // APPLICATION_VERIFICATION
  illegal_parameter: 50,
};
