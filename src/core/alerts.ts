/** RFC 8446 section 6: what an alert's first byte says. */
export const ALERT_LEVEL = { warning: 1, fatal: 2 } as const;

/** RFC 8446 section 6, RFC 5246 section 7.2, RFC 7301, RFC 6066, RFC 9849: the alerts, by the registry's names. */
export const ALERT = {
  close_notify: 0,
  unexpected_message: 10,
  bad_record_mac: 20,
  record_overflow: 22,
  decompression_failure: 30,
  handshake_failure: 40,
  bad_certificate: 42,
  unsupported_certificate: 43,
  certificate_revoked: 44,
  certificate_expired: 45,
  certificate_unknown: 46,
  illegal_parameter: 47,
  unknown_ca: 48,
  access_denied: 49,
  decode_error: 50,
  decrypt_error: 51,
  protocol_version: 70,
  insufficient_security: 71,
  internal_error: 80,
  inappropriate_fallback: 86,
  user_canceled: 90,
  no_renegotiation: 100,
  missing_extension: 109,
  unsupported_extension: 110,
  unrecognized_name: 112,
  bad_certificate_status_response: 113,
  unknown_psk_identity: 115,
  certificate_required: 116,
  no_application_protocol: 120,
  ech_required: 121,
} as const;

/** The registry's names. */
export type AlertName = keyof typeof ALERT;

/** The name of an AlertDescription, undefined for one that is not in the table. */
export function alertName(code: number): AlertName | undefined {
  return (Object.keys(ALERT) as AlertName[]).find((name) => ALERT[name] === code);
}
