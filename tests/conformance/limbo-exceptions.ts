export interface Exception {
  /** Why we disagree, with the paragraph. */
  readonly reason: string;
  /** With the anchor as somebody's own CA, we agree: it is the CA/Browser Forum's rules that are stricter than the case. */
  readonly agreesAsPrivate?: true;
}

const COMMON_NAME: Exception = {
  reason:
    "BR 7.1.4.3: the common name (the suite's default where it tests something else) must be one of the names in subjectAltName, as the suite itself demands in webpki::cn",
  agreesAsPrivate: true,
};

const ANCHOR =
  "RFC 5280 section 6.1.1 (d): a trust anchor is a name and a key, chosen by whoever keeps the store; roots in Mozilla's store differ here too";

/** Cases of x509-limbo on which we disagree, the anchors taken for public CAs. An exception that agrees after all is an error. */
export const EXCEPTIONS: Readonly<Record<string, Exception>> = {
  'rfc5280::nc::permitted-dns-match-more': COMMON_NAME,
  'rfc5280::nc::permitted-dn-match': COMMON_NAME,
  'rfc5280::nc::permitted-ipv4-match': COMMON_NAME,
  'rfc5280::nc::permitted-ipv6-match': COMMON_NAME,
  'webpki::nc::nc-permits-dns-san-pattern': COMMON_NAME,
  'webpki::san::exact-localhost-ip-san': COMMON_NAME,
  'webpki::san::leftmost-wildcard-san': COMMON_NAME,

  'rfc5280::eku::ee-without-eku': {
    reason: 'BR 7.1.2.7.10: extKeyUsage must be there; webpki::eku::ee-without-eku demands the contrary of this case',
    agreesAsPrivate: true,
  },
  'rfc5280::ca-as-leaf': {
    reason:
      'RFC 8446 section 4.4.2.2: keyUsage, if there, must have digitalSignature; webpki::ca-as-leaf demands the contrary of this case',
  },
  'pathlen::validation-ignores-pathlen-in-leaf': {
    reason: 'RFC 8446 section 4.4.2.2: keyUsage, if there, must have digitalSignature; the leaf is that of a CA',
  },
  'rfc5280::nc::permitted-dns-match-noncritical': {
    reason:
      'BR 7.1.2.10.8 lets name constraints be non-critical, and we apply them; webpki::nc::permitted-dns-match-noncritical demands the contrary of this case',
  },

  'rfc5280::aki::cross-signed-root-missing-aki': {
    reason: `${ANCHOR}: the anchor has no authorityKeyIdentifier; cve::cve-2024-0567 demands the contrary of this case`,
  },
  'rfc5280::ski::root-missing-ski': { reason: `${ANCHOR}: TWCA Global Root CA has no subjectKeyIdentifier` },
  'rfc5280::root-non-critical-basic-constraints': { reason: `${ANCHOR}: ePKI Root Certification Authority` },
  'webpki::aki::root-with-aki-authoritycertissuer': { reason: `${ANCHOR}: Certigna and QuoVadis Root CA 2` },
  'webpki::aki::root-with-aki-authoritycertserialnumber': { reason: `${ANCHOR}: Certigna and QuoVadis Root CA 2` },
  'webpki::aki::root-with-aki-all-fields': { reason: `${ANCHOR}: Certigna and QuoVadis Root CA 2` },
};
