/**
 * What of BoringSSL's runner is not for us. This list of reasons is closed: features that the design leaves out, and interfaces
 * that only BoringSSL has. In config.json and below a reason may go on behind a colon, for people.
 */
export const REASONS = [
  'DTLS',
  'QUIC',
  'TLS 1.1 and older',
  'CBC or RSA key exchange',
  'no extended master secret',
  'SHA-1 or MD5 signatures',
  'other groups and schemes',
  'session ids',
  'renegotiation',
  'False Start',
  'NPN',
  'Channel ID',
  'tls-unique',
  'SCT by TLS extension',
  'external PSK',
  'PAKE',
  '0-RTT',
  'raw public keys',
  'delegated credentials',
  'ALPS',
  'drafts',
  'BoringSSL-only API',
] as const;

/** One of {@link REASONS}. */
export type Reason = (typeof REASONS)[number];

/** The reason itself, without what is said of it behind a colon; undefined for one that is not in the list. */
export function reasonOf(text: string): Reason | undefined {
  const [name] = text.split(': ');
  return REASONS.find((reason) => reason === name);
}

/** Thrown for a test that is out of scope, which the shim tells the runner by exit code 89. */
export class Excluded extends Error {
  override readonly name = 'Excluded';
  readonly reason: Reason;

  constructor(reason: Reason, flag: string) {
    super(`${reason}: ${flag}`);
    this.reason = reason;
  }
}

/** Flags that ask for what is out of scope, without their dashes and prefixes. Those of nobody's list make the shim fail. */
export const EXCLUDED_FLAGS: Readonly<Record<string, Reason>> = {
  ...all('DTLS', ['dtls', 'mtu', 'export-dtls-epochs']),
  ...all('QUIC', ['quic', 'quic-transport-params', 'expect-quic-transport-params', 'quic-early-data-context']),
  ...all('CBC or RSA key exchange', ['cbc-record-splitting']),
  ...all('renegotiation', [
    'renegotiate-freely',
    'renegotiate-once',
    'renegotiate-explicit',
    'expect-total-renegotiations',
    'expect-no-secure-renegotiation',
    'use-exporter-between-reads',
  ]),
  ...all('False Start', ['false-start', 'allow-false-start-without-alpn', 'handshake-never-done', 'handshake-twice']),
  ...all('NPN', [
    'advertise-npn',
    'advertise-empty-npn',
    'select-next-proto',
    'select-empty-next-proto',
    'expect-next-proto',
    'expect-no-next-proto',
  ]),
  ...all('Channel ID', ['enable-channel-id', 'send-channel-id', 'expect-channel-id']),
  ...all('tls-unique', ['tls-unique']),
  ...all('SCT by TLS extension', [
    'enable-signed-cert-timestamps',
    'expect-signed-cert-timestamps',
    'signed-cert-timestamps',
  ]),
  ...all('external PSK', ['psk', 'psk-identity', 'new-psk-credential']),
  ...all('PAKE', ['new-spake2plusv1-credential']),
  ...all('0-RTT', [
    'enable-early-data',
    'expect-accept-early-data',
    'expect-reject-early-data',
    'expect-ticket-supports-early-data',
    'expect-no-offer-early-data',
    'early-write-after-message',
  ]),
  ...all('raw public keys', ['new-rpk-credential', 'accepted-peer-cert-types', 'available-client-cert-types']),
  ...all('delegated credentials', ['new-delegated-credential', 'delegated-credential']),
  ...all('ALPS', ['application-settings', 'alps-use-new-codepoint', 'expect-peer-application-settings', 'defer-alps']),
  // Trust anchor identifiers, flags of tickets, and padding of the server's flight.
  ...all('drafts', [
    'available-trust-anchors',
    'cert-properties',
    'expect-no-peer-match-trust-anchor',
    'expect-peer-available-trust-anchors',
    'expect-peer-match-trust-anchor',
    'requested-trust-anchors',
    'expect-not-resumable-across-names',
    'expect-resumable-across-names',
    'resumption-across-names-enabled',
    'expect-server-sent-requested-padding',
    'request-server-padding',
    'server-supports-padding',
  ]),
  ...all('BoringSSL-only API', [
    // Policies in one word.
    'cnsa-202407',
    'cnsa1-202603',
    'cnsa2-202603',
    'fips-202205',
    'wpa-202304',
    // A handshake in two processes.
    'allow-hint-mismatch',
    // Callbacks that end a handshake before anything is read, go back to the outer ClientHello, answer nothing, or say nothing.
    'fail-ddos-callback',
    'fail-early-callback',
    'fail-early-callback-ech-rewind',
    'expect-no-server-name',
    'install-ddos-callback',
    'no-server-name-ack',
    'reverify-on-resume',
    'select-empty-alpn',
    // Its tickets' own format, and certificates that are kept as hashes.
    'ticket-key',
    'expect-sha256-client-cert',
    'retain-only-sha256-client-cert',
    // Any alert at any time, which the engine never sends: each of its alerts follows from a failure.
    'send-alert',
    // Limits that can be set: ours are constants.
    'max-cert-list',
    // Groups of equal preference, and hints what a server may like.
    'curves-flags',
    'server-supported-groups-hint',
    // Switches that turn checks off, or workarounds on.
    'allow-unknown-alpn-protos',
    'jdk11-workaround',
  ]),
};

function all(reason: Reason, flags: readonly string[]): Record<string, Reason> {
  return Object.fromEntries(flags.map((flag) => [flag, reason]));
}
