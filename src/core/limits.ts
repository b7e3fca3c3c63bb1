/**
 * Every bound on what a peer can make us do, in one place: unit in the name, source in the comment. A test exhausts each.
 */
export const LIMITS = {
  /** RFC 8446 section 5.1: TLSPlaintext.length MUST NOT exceed 2^14. */
  plaintextBytes: 2 ** 14,
  /** RFC 8446 section 5.2: TLSCiphertext.length MUST NOT exceed 2^14 + 256. */
  ciphertextBytes: 2 ** 14 + 256,
  /** Largest handshake message except Certificate: a ClientHello or NewSessionTicket with every vector full is below 2^17; nobody sends more than a fraction. */
  handshakeMessageBytes: 2 ** 16,
  /** Largest Certificate or CertificateRequest message; BoringSSL's default for certificate lists is 100 KiB. */
  certificateMessageBytes: 100 * 1024,
  /** Certificates in one Certificate message; the verifier takes fewer (BoringSSL has no bound but that of the bytes). */
  certificateEntries: 100,
  /** Certificates in one chain, as received. OpenSSL's verify depth is 100; public chains have at most 5. */
  chainCertificates: 10,
  /** One certificate. The largest in use are some 20 KiB; with ML-DSA-87 keys and hundreds of names they stay below this. */
  certificateBytes: 48 * 1024,
  /** Values in one certificate's DER: a thousand names and room to spare. Bounds the work of reading, whatever the encoding. */
  derElements: 2048,
  /** Depth of DER: X.509 itself needs eleven (certificate to an attribute of a directory name in an extension). */
  derNesting: 16,
  /** Candidate issuers tried for one chain, ten times as many as the longest needs. NSS and rustls-webpki allow 200,000, Chrome 20 whole paths. */
  pathSteps: 100,
  /** Signatures checked for one chain (Go, since CVE-2018-16875, and rustls-webpki: 100). Only paths that reach a trust anchor cost any. */
  pathSignatures: 16,
  /** Names compared with name constraints for one chain, where 16 bytes of a long name count as one more (Go and rustls-webpki: 250,000; OpenSSL: 2^20 for one certificate). */
  nameComparisons: 10_000,
  /** One OCSP response: with a certificate and signatures of ML-DSA-87 some 20 KiB; usual ones have below 2. */
  ocspResponseBytes: 64 * 1024,
  /** Certificates in an OCSP response: the one that signed it; some responders add their issuer. */
  ocspCertificates: 4,
  /** How far the clocks of a CA and ours may differ where a status has times. `openssl ocsp` allows as much (-validity_period). */
  statusClockSkewSeconds: 300,
  /** How long a status without nextUpdate holds (mozilla::pkix: a day). */
  statusLifetimeSeconds: 86_400,
  /** One CRL: as much as a DER length of three octets can say; half a million entries. */
  revocationListBytes: 2 ** 24 - 1,
  /** Consecutive records that carry nothing (BoringSSL: kMaxEmptyRecords = 32). */
  emptyRecords: 32,
  /** Consecutive warning alerts (BoringSSL: kMaxWarningAlerts = 4). */
  warningAlerts: 4,
  /** KeyUpdates without application data between them (BoringSSL: kMaxKeyUpdates = 32). */
  keyUpdates: 32,
  /** ChangeCipherSpec records in the middlebox-compatibility window; a second one has no purpose (RFC 8446 section D.4 sends one). */
  changeCipherSpecs: 32,
  /** NewSessionTickets without application data between them: servers send one to four. */
  ticketsWithoutData: 32,
  /** NewSessionTicket messages sent at the end of one handshake: browsers keep no more. */
  ticketsIssued: 8,
  /** NewSessionTicket messages kept from one connection. */
  ticketsKept: 8,
  /** What a ticket says of its session, the client's name in it: usual ones have some 300 bytes, and no ticket can have 2^16. */
  sessionTermsBytes: 2 ** 15,
  /** A ticket that is offered: three quarters of the largest ClientHello that servers like us read. One that made it too large would end every connection. */
  ticketBytes: 3 * 2 ** 14,
  /** RFC 8446 section 4.6.1: seven days. */
  ticketLifetimeSeconds: 604_800,
  /** A ticket of TLS 1.2 whose server leaves it open (RFC 5077 section 3.3; BoringSSL's default too). */
  ticketLifetimeUnstatedSeconds: 7_200,
  /** Early data that a server drops, in bytes of records without their headers (BoringSSL: kMaxEarlyDataSkipped = 16384). */
  earlyDataSkippedBytes: 16_384,
  /** A client answers a HelloRetryRequest at once; a cookie that is older comes from somebody who collects them. */
  cookieLifetimeSeconds: 60,
  /** An extension block: its length has two bytes. What an inner ClientHello takes from the outer one could be more (RFC 9849 section 5.1). */
  extensionBlockBytes: 2 ** 16 - 1,
  /** ECHConfigs with one config_id that are tried for one ClientHello: each costs the holder a key agreement. Servers give distinct ids (RFC 9849 section 4.1). */
  echTrials: 4,
  /** ECHConfigs of one server: as many as there are ids. */
  echConfigs: 256,
  /** An ECHConfigList that is shown to people and programs: real ones have some hundred bytes, and a status line has to fit into a pipe (64 KiB) with it, twice, in base64. */
  echListShownBytes: 4096,
  /** RFC 8446 section 5.5: at most 2^24.5 full records under one AES-GCM key; keys are updated well before. */
  recordsPerKey: 2 ** 23,
  /** A message between a session process and the key holder: an opening of Encrypted Client Hello with both its vectors full, or the whole handshake that a client of TLS 1.2 signs. */
  keyMessageBytes: 2 ** 17 + 1024,
  /** Requests that the key holder works on for one client: a worker with as many handshakes at the same moment has other worries. */
  keyRequestsPending: 256,
  /** Tickets that may be used once, remembered for one ticket key (some 8 MB); at the next one the keys are rotated. */
  ticketsRemembered: 2 ** 16,
} as const;
