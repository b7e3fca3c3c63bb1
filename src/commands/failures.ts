import type { AlertName } from '../core/alerts.ts';
import type { Failure, Why } from '../core/failures.ts';
import { LIMITS } from '../core/limits.ts';
import type { TransportFailure, TransportWhy } from '../transport/failures.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

/** Anything that can end a run, of whatever room. `why` is the stable code that programs match on. */
export type RunFailure = Failure | TransportFailure | CommandFailure;

/** What keeps the command from beginning: the machine or the way it was called, not the peer. */
export interface CommandFailure {
  readonly kind: 'configuration';
  readonly why: CommandWhy;
  readonly detail?: string;
}

/** The stable codes of {@link CommandFailure}. */
export type CommandWhy =
  | 'sandbox-incomplete'
  | 'trust-store-unusable'
  | 'revocation-list-unusable'
  | 'ech-list-unusable'
  | 'file-unusable'
  | 'runtime-unfit'
  | 'backend-unavailable'
  | 'descriptor-unusable';

/** Every stable code that a `failed` status line can have. */
export type RunWhy = Why | TransportWhy | CommandWhy;

/** What a failure means outside: to scripts, and to people. */
export interface Outcome {
  readonly exit: ExitCode;
  /** What happened, to be read after the peer's name. */
  readonly says: string;
  /** What to do next. */
  readonly advice: string;
}

/** What a failure means for who typed the command. */
export function outcomeOf(failure: RunFailure): Outcome {
  const outcome = OUTCOMES[failure.why];
  const { why, detail } = failure;
  if (why === 'ech-rejected') return { ...outcome, advice: echAdvice(failure) };
  if (why === 'certificate-name-mismatch' && detail?.startsWith(PUBLIC_NAME_UNPROVEN))
    return { ...outcome, advice: UNPROVEN_ADVICE };
  if (why !== 'alert-received' || detail === undefined || !Object.hasOwn(ALERT_ADVICE, detail)) return outcome;
  return { ...outcome, advice: ALERT_ADVICE[detail as AlertName] ?? outcome.advice };
}

/** The ECHConfigList that the server of `ech-rejected` proposes, as `--ech` takes it; undefined if there is none that can be shown. */
export function proposedEchList(failure: RunFailure): string | undefined {
  const list = 'retryConfigs' in failure ? failure.retryConfigs : undefined;
  return list !== undefined && list.length <= LIMITS.echListShownBytes ? list.toBase64() : undefined;
}

function echAdvice(failure: Failure): string {
  const proved = 'By its certificate it is that public name, so this is true';
  if (failure.retryConfigs === undefined)
    return `${proved}: Encrypted Client Hello is switched off there. Without --ech, the network sees the name.`;
  const list = proposedEchList(failure);
  if (list === undefined) return `${proved}, but its list is too long to be shown: look up the new one.`;
  return `${proved}. Try again with what it proposes: --ech ${list}`;
}

/** How the detail begins when a certificate was to prove the public name of `--ech`, and does not. */
export const PUBLIC_NAME_UNPROVEN = 'Encrypted Client Hello is rejected, by whom is not proved: ';

const UNPROVEN_ADVICE =
  'The list of --ech is for another server, or somebody is in between: look it up again. The name was not shown.';

const NOT_A_PEER =
  'It does not follow the protocol: tell its operator, or look for a device in between that changes the traffic.';
const OUR_DEFECT = 'This is a defect of tlsify: please report it, with the command and this message.';
const KEY_PROCESS =
  'The messages of the process that has the keys tell why; it may be overloaded, or a key is missing.';
const TOO_LONG = 'Give it more time with --handshake-timeout, or find out why the server is slow.';
const DEFECTIVE_CERTIFICATE = 'Its operator must get a certificate that follows RFC 5280 from their CA.';

/** Exit code and words of every failure. A new one without them does not compile. */
export const OUTCOMES = {
  // Before TLS
  'host-not-found': {
    exit: EXIT.unavailable,
    says: 'no such host',
    advice: 'Check the spelling of the name.',
  },
  'look-up-failed': {
    exit: EXIT.unavailable,
    says: 'the name cannot be looked up',
    advice: 'Check the network and the name servers in /etc/resolv.conf, then try again.',
  },
  'look-up-unconfined': {
    exit: EXIT.configuration,
    says: 'the process that looks the name up cannot be confined',
    advice: 'Give an address and --name; or go on without the named part: --sandbox-without NAME.',
  },
  'connection-refused': {
    exit: EXIT.unavailable,
    says: 'nobody listens there',
    advice: 'Check the port, and that the server runs.',
  },
  'connection-failed': {
    exit: EXIT.unavailable,
    says: 'cannot connect',
    advice: 'Check the network, and that no firewall is in between.',
  },
  'look-up-timeout': {
    exit: EXIT.timeout,
    says: 'the name servers did not answer in time',
    advice: 'Check the network and the name servers in /etc/resolv.conf, then try again.',
  },
  'connect-timeout': {
    exit: EXIT.timeout,
    says: 'no connection in time',
    advice: 'Check the address and the port; a firewall may swallow the packets.',
  },
  'handshake-timeout': {
    exit: EXIT.timeout,
    says: 'the handshake did not complete in time',
    advice: `If the server speaks TLS on this port: ${TOO_LONG.charAt(0).toLowerCase()}${TOO_LONG.slice(1)}`,
  },
  'idle-timeout': {
    exit: EXIT.timeout,
    says: 'no data in either direction for too long',
    advice: 'The connection was closed. Allow longer silence with --idle-timeout, or 0 for any.',
  },
  'network-failed': {
    exit: EXIT.inputOutput,
    says: 'the connection broke',
    advice: 'What was not yet sent is lost. Try again.',
  },
  'application-gone': {
    exit: EXIT.inputOutput,
    says: 'the reader of the plain side went away before all was delivered',
    advice: 'The program that reads the output has ended too early.',
  },
  'application-failed': {
    exit: EXIT.inputOutput,
    says: 'the plain side failed',
    advice: 'Check where input and output lead.',
  },
  // Configuration
  'sandbox-incomplete': {
    exit: EXIT.configuration,
    says: 'the sandbox cannot be applied as a whole',
    advice: 'To go on without the named parts: --sandbox-without NAME; see `tlsify help isolation`.',
  },
  'trust-store-unusable': {
    exit: EXIT.configuration,
    says: 'no usable trust store',
    advice: 'Install the package ca-certificates, or name a store with --ca FILE; see `tlsify help trust`.',
  },
  'revocation-list-unusable': {
    exit: EXIT.configuration,
    says: 'a CRL cannot be used',
    advice: 'Get the complete, current CRL of the CA, or leave out --crl; see `tlsify help trust`.',
  },
  'ech-list-unusable': {
    exit: EXIT.configuration,
    says: 'the list of --ech cannot be used',
    advice: 'Look it up again: it stands behind ech= in the HTTPS record of the name; see `tlsify help ech`.',
  },
  'file-unusable': {
    exit: EXIT.configuration,
    says: 'a file that was to be checked cannot be used',
    advice: 'Name files of certificates, and of a private key without a passphrase; see `tlsify help check`.',
  },
  'runtime-unfit': {
    exit: EXIT.configuration,
    says: 'tlsify cannot run here',
    advice: 'Start it by its launcher (`tlsify` of the package, `bin/tlsify` of a checkout).',
  },
  'backend-unavailable': {
    exit: EXIT.configuration,
    says: 'the OpenSSL of this system cannot be used',
    advice: 'Install the package libssl3 (Debian 12) or libssl3t64 (Debian 13), or leave out --backend.',
  },
  'descriptor-unusable': {
    exit: EXIT.usage,
    says: 'a descriptor that was named cannot be used',
    advice:
      'Name one of the right kind that the caller keeps open across the exec (no FD_CLOEXEC); npx passes on only 0, 1 and 2.',
  },
  // Records
  'not-tls': {
    exit: EXIT.tls,
    says: 'the server does not speak TLS on this port',
    advice: 'Check the port: 443 for HTTPS, 993 for IMAPS, 465 for SMTPS, 853 for DNS over TLS.',
  },
  'bad-record-version': { exit: EXIT.tls, says: 'a record of no known version came', advice: NOT_A_PEER },
  'record-overflow': { exit: EXIT.tls, says: 'a record is longer than TLS allows', advice: NOT_A_PEER },
  'bad-record-mac': { exit: EXIT.tls, says: 'a record was changed on its way', advice: NOT_A_PEER },
  'record-without-type': { exit: EXIT.tls, says: 'a record has no content type', advice: NOT_A_PEER },
  'unexpected-record': { exit: EXIT.tls, says: 'a record came that does not belong there', advice: NOT_A_PEER },
  'empty-record': { exit: EXIT.tls, says: 'an empty record came where none may', advice: NOT_A_PEER },
  'too-many-empty-records': { exit: EXIT.tls, says: 'the server sends empty records without end', advice: NOT_A_PEER },
  'too-many-warnings': { exit: EXIT.tls, says: 'the server sends warnings without end', advice: NOT_A_PEER },
  'unaligned-key-change': { exit: EXIT.tls, says: 'messages overlap a change of keys', advice: NOT_A_PEER },
  'bad-change-cipher-spec': { exit: EXIT.tls, says: 'a malformed change_cipher_spec came', advice: NOT_A_PEER },
  'bad-alert': { exit: EXIT.tls, says: 'a malformed alert came', advice: NOT_A_PEER },
  'unknown-alert-level': { exit: EXIT.tls, says: 'an alert of no known level came', advice: NOT_A_PEER },
  'record-sequence-exhausted': { exit: EXIT.internal, says: 'all record numbers are used up', advice: OUR_DEFECT },
  // Messages
  'unexpected-message': { exit: EXIT.tls, says: 'a message came that does not belong there', advice: NOT_A_PEER },
  'decode-error': { exit: EXIT.tls, says: 'a message cannot be decoded', advice: NOT_A_PEER },
  'message-too-large': { exit: EXIT.tls, says: 'a message is larger than any that makes sense', advice: NOT_A_PEER },
  'illegal-parameter': { exit: EXIT.tls, says: 'a message has a value that may not be', advice: NOT_A_PEER },
  'duplicate-extension': { exit: EXIT.tls, says: 'an extension came twice', advice: NOT_A_PEER },
  'unsolicited-extension': { exit: EXIT.tls, says: 'an extension came that nobody asked for', advice: NOT_A_PEER },
  'misplaced-extension': { exit: EXIT.tls, says: 'an extension came in the wrong message', advice: NOT_A_PEER },
  'missing-extension': { exit: EXIT.tls, says: 'a required extension is missing', advice: NOT_A_PEER },
  'second-hello-retry-request': {
    exit: EXIT.tls,
    says: 'the server asked twice for another hello',
    advice: NOT_A_PEER,
  },
  'hello-retry-request-without-effect': {
    exit: EXIT.tls,
    says: 'the server asked for the same hello again',
    advice: NOT_A_PEER,
  },
  'downgrade-detected': {
    exit: EXIT.tls,
    says: 'somebody forced an older version on the connection',
    advice: 'This can be an attack: do not weaken the settings, and find out what is in between.',
  },
  'bad-key-share': { exit: EXIT.tls, says: "the server's key share is not valid", advice: NOT_A_PEER },
  'bad-finished': { exit: EXIT.tls, says: 'the handshake was changed on its way', advice: NOT_A_PEER },
  'bad-signature': {
    exit: EXIT.tls,
    says: 'the server does not prove that it has the key of its certificate',
    advice: 'Its certificate and key may not belong together: tell its operator.',
  },
  'wrong-signature-scheme': { exit: EXIT.tls, says: 'the signature is of a kind not offered', advice: NOT_A_PEER },
  'no-certificate': { exit: EXIT.tls, says: 'the server has no certificate', advice: NOT_A_PEER },
  'certificate-decompression-failed': {
    exit: EXIT.tls,
    says: 'the compressed certificate is broken',
    advice: NOT_A_PEER,
  },
  'too-many-key-updates': { exit: EXIT.tls, says: 'the server changes keys without end', advice: NOT_A_PEER },
  'too-many-tickets': { exit: EXIT.tls, says: 'the server sends session tickets without end', advice: NOT_A_PEER },
  'unsolicited-alpn': { exit: EXIT.tls, says: 'the server chose a protocol that was not offered', advice: NOT_A_PEER },
  'duplicate-key-share': { exit: EXIT.tls, says: 'two key shares of one group', advice: NOT_A_PEER },
  'pre-shared-key-not-last': { exit: EXIT.tls, says: 'the tickets are not at the end', advice: NOT_A_PEER },
  'changed-client-hello': { exit: EXIT.tls, says: 'the second ClientHello is another', advice: NOT_A_PEER },
  'too-much-early-data': { exit: EXIT.tls, says: 'early data without end', advice: NOT_A_PEER },
  'bad-binder': { exit: EXIT.tls, says: 'the ticket is not its own', advice: NOT_A_PEER },
  'renegotiation-mismatch': { exit: EXIT.tls, says: 'it takes this handshake for a second one', advice: NOT_A_PEER },
  // What is not shared
  'version-not-supported': {
    exit: EXIT.tls,
    says: 'no TLS version in common',
    advice:
      'Ask its operator to switch on TLS 1.3. Versions before 1.2 are not safe; --min-version and --max-version leave out more.',
  },
  'no-common-suite': {
    exit: EXIT.tls,
    says: 'no cipher suite in common',
    advice: 'Ask its operator to offer TLS_AES_128_GCM_SHA256, which TLS 1.3 requires.',
  },
  'no-common-group': {
    exit: EXIT.tls,
    says: 'no key exchange group in common',
    advice: 'Ask its operator to offer x25519 or secp256r1, which TLS 1.3 requires.',
  },
  'no-common-signature-scheme': {
    exit: EXIT.tls,
    says: 'no signature scheme in common',
    advice: 'Its certificate needs a key of a usual kind: ECDSA P-256, Ed25519 or RSA of 2048 bits and more.',
  },
  'extended-master-secret-missing': {
    exit: EXIT.tls,
    says: 'its TLS 1.2 does not bind the keys to the handshake (RFC 7627)',
    advice: 'Ask its operator for TLS 1.3, or for a TLS library of this decade.',
  },
  'secure-renegotiation-missing': {
    exit: EXIT.tls,
    says: 'its TLS 1.2 is open to renegotiation attacks (RFC 5746)',
    advice: 'Ask its operator for TLS 1.3, or for a TLS library of this decade.',
  },
  'renegotiation-refused': {
    exit: EXIT.tls,
    says: 'it wants to renegotiate, which tlsify never does',
    advice:
      'A server that wants a client certificate for some resources only can ask for it at the start, or on another port.',
  },
  'inappropriate-fallback': {
    exit: EXIT.tls,
    says: 'the client fell back to an older version without need',
    advice: 'This can be an attack: do not weaken the settings, and find out what is in between.',
  },
  'no-common-alpn': {
    exit: EXIT.tls,
    says: 'no application protocol in common',
    advice: 'Check the list of --alpn, or leave it out.',
  },
  'bad-ech-payload': {
    exit: EXIT.tls,
    says: 'the second ClientHello was not sealed as the first',
    advice: NOT_A_PEER,
  },
  'ech-rejected': {
    exit: EXIT.tls,
    says: 'the server cannot read the Encrypted Client Hello',
    advice: 'Give --ech what the server proposes. If it proposes nothing, it has switched Encrypted Client Hello off.',
  },
  'ech-config-unusable': {
    exit: EXIT.tls,
    says: 'the configuration for Encrypted Client Hello cannot be used',
    advice: 'Look it up again; its operator must publish one with a valid key.',
  },
  'unrecognized-name': {
    exit: EXIT.tls,
    says: 'no certificate for the name that was asked for',
    advice: 'Add a certificate for it, or ask for another name.',
  },
  'client-certificate-missing': {
    exit: EXIT.tls,
    says: 'the client showed no certificate',
    advice: 'Give it a certificate that is signed by one of the authorities.',
  },
  'tls12-client-certificate-missing': {
    exit: EXIT.tls,
    says: 'the client showed no certificate',
    advice: 'Give it a certificate that is signed by one of the authorities.',
  },
  'alert-received': {
    exit: EXIT.tls,
    says: 'the server refused with an alert',
    advice: "What it means is in the server's log.",
  },
  'closed-in-handshake': {
    exit: EXIT.tls,
    says: 'the server closed the connection during the handshake',
    advice: 'Check that the port speaks TLS, and the name sent with --sni.',
  },
  'truncated': {
    exit: EXIT.inputOutput,
    says: 'the connection ended without a close_notify',
    advice: 'The data may be cut short, by accident or by an attacker: do not take it for complete.',
  },
  // Certificates
  'certificate-malformed': {
    exit: EXIT.certificate,
    says: 'the certificate cannot be decoded',
    advice: DEFECTIVE_CERTIFICATE,
  },
  'certificate-expired': {
    exit: EXIT.certificate,
    says: 'the certificate has expired',
    advice: 'Its operator must renew it. If the date looks right to you, check the clock of this machine.',
  },
  'certificate-not-yet-valid': {
    exit: EXIT.certificate,
    says: 'the certificate is not valid yet',
    advice: 'Check the clock of this machine.',
  },
  'certificate-unknown-issuer': {
    exit: EXIT.certificate,
    says: 'the certificate comes from an unknown CA',
    advice: 'If you trust that CA, give its certificate with --ca FILE.',
  },
  'certificate-missing-intermediate': {
    exit: EXIT.certificate,
    says: 'the server does not send the certificates between its own and the CA',
    advice: 'Its operator must configure the full chain. Until then, give the missing certificate with --ca FILE.',
  },
  'certificate-self-signed': {
    exit: EXIT.certificate,
    says: 'the certificate is self-signed',
    advice: 'If it is the one you expect (compare its fingerprint by another way), give it with --ca FILE.',
  },
  'certificate-name-mismatch': {
    exit: EXIT.certificate,
    says: 'the certificate is for another name',
    advice:
      'If a name in the certificate is who you mean, say so with --name; if there is none, its operator must add one (subjectAltName).',
  },
  'certificate-pin-mismatch': {
    exit: EXIT.certificate,
    says: 'the key of the certificate is not the pinned one',
    advice: 'Find out by another way whether the key has changed, then change --pin, or --name spki-sha256:…',
  },
  'certificate-bad-signature': {
    exit: EXIT.certificate,
    says: 'a signature in the chain of certificates is not valid',
    advice: 'The chain is broken or forged: tell its operator.',
  },
  'certificate-weak-key': {
    exit: EXIT.certificate,
    says: 'a key in the chain of certificates is too weak',
    advice: 'Its operator needs a certificate with RSA of at least 2048 bits, or ECDSA.',
  },
  'certificate-weak-signature': {
    exit: EXIT.certificate,
    says: 'a certificate is signed with a broken hash function',
    advice: 'Its operator needs a certificate signed with SHA-256 or better.',
  },
  'certificate-wrong-purpose': {
    exit: EXIT.certificate,
    says: 'the certificate is not meant for TLS servers',
    advice: 'Its operator needs a certificate with the extended key usage serverAuth.',
  },
  'certificate-issuer-not-a-ca': {
    exit: EXIT.certificate,
    says: 'the certificate was issued by one that is no CA',
    advice: 'The chain is misconfigured or forged: tell its operator.',
  },
  'certificate-path-too-long': {
    exit: EXIT.certificate,
    says: 'the chain of certificates is longer than its CA allows',
    advice: DEFECTIVE_CERTIFICATE,
  },
  'certificate-unknown-critical-extension': {
    exit: EXIT.certificate,
    says: 'a certificate demands something that tlsify does not know',
    advice: DEFECTIVE_CERTIFICATE,
  },
  'certificate-name-constraint': {
    exit: EXIT.certificate,
    says: 'the CA may not issue certificates for this name',
    advice: DEFECTIVE_CERTIFICATE,
  },
  'certificate-unsupported-key': {
    exit: EXIT.certificate,
    says: 'a key in the chain of certificates is of a kind that is not supported',
    advice: 'Its operator needs a certificate with RSA, ECDSA (P-256, P-384, P-521) or Ed25519.',
  },
  'certificate-unsupported-signature': {
    exit: EXIT.certificate,
    says: 'a certificate is signed in a way that is not supported',
    advice: 'Its operator needs a certificate signed with RSA, ECDSA or Ed25519, and SHA-256 or better.',
  },
  'certificate-not-conforming': {
    exit: EXIT.certificate,
    says: 'a certificate breaks the rules of RFC 5280',
    advice: DEFECTIVE_CERTIFICATE,
  },
  'certificate-budget-exhausted': {
    exit: EXIT.certificate,
    says: 'the chain of certificates takes too much work to check',
    advice: 'No honest server sends such a chain.',
  },
  'certificate-not-welcome': {
    exit: EXIT.certificate,
    says: "the client's certificate is not one of those that are welcome",
    advice: 'If it should be, add a rule that says so.',
  },
  'certificate-revoked': {
    exit: EXIT.certificate,
    says: 'a certificate was revoked by its CA',
    advice: 'Do not use it: its key may be in other hands. Its operator must install a new one.',
  },
  'certificate-status-missing': {
    exit: EXIT.certificate,
    says: 'nothing shows that a certificate was not revoked',
    advice: 'Ask its operator to staple OCSP responses, or give the CRLs of its CAs with --crl.',
  },
  'certificate-status-rejected': {
    exit: EXIT.certificate,
    says: 'the OCSP response with the certificate is not acceptable',
    advice: 'Ask its operator to renew the response that the server staples.',
  },
  'certificate-chain-too-long': {
    exit: EXIT.certificate,
    says: 'the server sends too many certificates',
    advice: 'Its operator should send the chain to one CA and nothing else.',
  },
  // Ours
  'key-holder-gone': { exit: EXIT.internal, says: 'the key process is gone', advice: KEY_PROCESS },
  'key-holder-refused': { exit: EXIT.internal, says: 'the key process refuses what it is asked', advice: KEY_PROCESS },
  'key-holder-timed-out': { exit: EXIT.internal, says: 'the key process does not answer', advice: KEY_PROCESS },
  'key-holder-misbehaved': { exit: EXIT.internal, says: 'the key process makes no sense', advice: OUR_DEFECT },
  'aborted': { exit: EXIT.internal, says: 'the connection was given up', advice: OUR_DEFECT },
  'internal-error': { exit: EXIT.internal, says: 'an internal error', advice: OUR_DEFECT },
} as const satisfies Record<RunWhy, Outcome>;

/** What the alerts that people meet ask of them. */
const ALERT_ADVICE: Readonly<Partial<Record<AlertName, string>>> = {
  protocol_version: OUTCOMES['version-not-supported'].advice,
  handshake_failure:
    'The server shares no settings with tlsify: it may have only old cipher suites, or want a client certificate.',
  unrecognized_name: 'The server does not know the name it was asked for: give another with --sni, or none.',
  no_application_protocol: OUTCOMES['no-common-alpn'].advice,
  certificate_required: 'The server wants a client certificate, which this version of tlsify cannot give.',
  bad_certificate: 'The server wants a client certificate, which this version of tlsify cannot give.',
  internal_error: 'The server failed by itself: see its log, or try again later.',
  access_denied: 'The server does not let this client in: see its log.',
};
