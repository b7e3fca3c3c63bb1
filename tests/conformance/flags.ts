import { EXCLUDED_FLAGS, Excluded } from './exclusions.ts';

/**
 * The command line that BoringSSL's TLS test runner gives its shim (ssl/test/test_config.cc has the whole list). A flag may be
 * prefixed with the connection that it is for: -on-initial-…, -on-resume-…; -on-shim-… is always us.
 */
export interface ShimFlags {
  readonly bools: ReadonlySet<string>;
  readonly ints: ReadonlyMap<string, readonly number[]>;
  readonly strings: ReadonlyMap<string, string>;
  /** Of those that may be there several times, in their order. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
  /** In the order of our preference. */
  readonly credentials: readonly CredentialFlags[];
}

/** A certificate: of the flags behind one -new-x509-credential, or of those before the first. */
export interface CredentialFlags {
  certFile?: string;
  keyFile?: string;
  signingPrefs?: number[];
  ocspResponse?: string;
  mustMatchIssuer: boolean;
  /** Whether it has a -new-x509-credential of its own. */
  readonly numbered: boolean;
}

/**
 * @returns the flags of each connection in turn: the initial one, then `-resume-count` more.
 * @throws Excluded for the first flag that asks for what is out of scope; Error for one that is in no list
 */
export function parseFlags(argv: readonly string[]): ShimFlags[] {
  const initial = collector();
  const resumed = collector();
  for (let index = 0; index < argv.length; index++) {
    const [, connection, name = ''] = /^-+(?:on-(initial|resume|retry|shim|handshaker)-)?(.*)$/.exec(
      argv[index] as string,
    ) ?? [undefined, undefined, argv[index]];
    if (connection === 'handshaker') throw new Excluded('BoringSSL-only API', 'a handshake in two processes');
    const targets = targetsOf(connection, initial, resumed);
    if (NO_EFFECT_SWITCHES.has(name)) continue;
    if (NO_EFFECT_VALUES.has(name)) {
      index++;
    } else if (name === 'advertise-npn' && argv.includes('-select-alpn')) {
      index++; // a server that has both answers to ALPN: so does one that has no NPN
    } else if (EXCLUDED_FLAGS[name] !== undefined) {
      throw new Excluded(EXCLUDED_FLAGS[name], `-${name}`);
    } else if (name === 'new-x509-credential') {
      for (const target of targets) target.credentials.unshift({ mustMatchIssuer: false, numbered: true });
    } else if (CREDENTIAL_FLAGS.has(name)) {
      const value = name === 'must-match-issuer' ? '' : (argv[++index] as string);
      for (const target of targets) setCredentialFlag(target.credentials[0] as CredentialFlags, name, value);
    } else if (BOOLS.has(name)) {
      for (const target of targets) target.bools.add(name);
    } else if (INTS.has(name)) {
      const value = Number(argv[++index]);
      for (const target of targets) target.ints.set(name, [...(target.ints.get(name) ?? []), value]);
    } else if (STRINGS.has(name)) {
      const value = argv[++index] as string;
      for (const target of targets) target.strings.set(name, value);
    } else if (LISTS.has(name)) {
      const value = argv[++index] as string;
      for (const target of targets) target.lists.set(name, [...(target.lists.get(name) ?? []), value]);
    } else {
      throw new Error(`unknown flag -${name}`);
    }
  }
  const resumeCount = initial.ints.get('resume-count')?.[0] ?? 0;
  for (const flags of [initial, resumed]) {
    // They were collected newest first, and the one without a flag of its own is BoringSSL's last resort.
    flags.credentials.reverse();
    flags.credentials.push(flags.credentials.shift() as CredentialFlags);
  }
  return [initial, ...Array.from({ length: resumeCount }, () => resumed)];
}

type Collector = ReturnType<typeof collector>;

function collector() {
  const credentials: CredentialFlags[] = [{ mustMatchIssuer: false, numbered: false }];
  return {
    bools: new Set<string>(),
    ints: new Map<string, number[]>(),
    strings: new Map<string, string>(),
    lists: new Map<string, string[]>(),
    credentials,
  };
}

function targetsOf(connection: string | undefined, initial: Collector, resumed: Collector): Collector[] {
  if (connection === 'initial') return [initial];
  if (connection === 'resume') return [resumed];
  // A second attempt follows early data that was refused.
  return connection === 'retry' ? [] : [initial, resumed];
}

const CREDENTIAL_FLAGS = new Set(['cert-file', 'key-file', 'signing-prefs', 'ocsp-response', 'must-match-issuer']);

function setCredentialFlag(credential: CredentialFlags, name: string, value: string): void {
  switch (name) {
    case 'cert-file':
      credential.certFile = value;
      return;
    case 'key-file':
      credential.keyFile = value;
      return;
    case 'signing-prefs':
      credential.signingPrefs = [...(credential.signingPrefs ?? []), Number(value)];
      return;
    case 'ocsp-response':
      credential.ocspResponse = value;
      return;
    default:
      credential.mustMatchIssuer = true;
  }
}

/** What the flags turn on. */
const BOOLS = new Set([
  'async',
  'check-close-notify',
  'decline-alpn',
  'decline-ocsp-callback',
  'enable-ech-grease',
  'enable-grease',
  'enable-ocsp-stapling',
  'expect-ech-accept',
  'expect-hrr',
  'expect-no-ech-name-override',
  'expect-no-ech-retry-configs',
  'expect-no-hrr',
  'expect-no-peer-cert',
  'expect-no-session',
  'expect-session-miss',
  'expect-ticket-renewal',
  'export-traffic-secrets',
  'fail-cert-callback',
  'fail-ocsp-callback',
  'fallback-scsv',
  'install-cert-compression-algs',
  'ipv6',
  'key-update',
  'key-update-before-read',
  'no-key-shares',
  'no-ticket',
  'no-tls1',
  'no-tls11',
  'no-tls12',
  'no-tls13',
  'read-with-unfinished-write',
  'reject-alpn',
  'reject-unusable-ech-config',
  'require-any-client-certificate',
  'server',
  'shim-shuts-down',
  'shim-writes-first',
  'skip-ticket',
  'use-export-context',
  'verify-fail',
  'verify-peer',
  'write-different-record-sizes',
]);

const INTS = new Set([
  'curves',
  'ech-is-retry-config',
  'expect-cipher',
  'expect-cipher-aes',
  'expect-curve-id',
  'expect-peer-signature-algorithm',
  'expect-peer-verify-pref',
  'expect-selected-credential',
  'expect-version',
  'export-keying-material',
  'install-one-cert-compression-alg',
  'key-shares',
  'max-send-fragment',
  'max-version',
  'min-version',
  'port',
  'read-size',
  'repeat-shim-initial-write',
  'resume-count',
  'resumption-delay',
  'shim-id',
  'verify-prefs',
]);

const LISTS = new Set(['ech-server-config', 'ech-server-key']);

const STRINGS = new Set([
  'advertise-alpn',
  'cipher',
  'ech-config-list',
  'expect-advertised-alpn',
  'expect-alpn',
  'expect-certificate-types',
  'expect-client-ca-list',
  'expect-early-data-reason',
  'expect-ech-name-override',
  'expect-ech-retry-configs',
  'expect-ocsp-response',
  'expect-peer-cert-file',
  'expect-server-name',
  'export-context',
  'export-label',
  'host-name',
  'select-alpn',
  'shim-initial-write',
  'use-client-ca-list',
]);

/** Taken, and nothing is to be done or compared: the engine is always so, or has no such thing to report. */
const NO_EFFECT_SWITCHES = new Set([
  // Without either of these there is no connection.
  'expect-extended-master-secret',
  'expect-secure-renegotiation',
  'no-legacy-server-connect',
  // Never done.
  'forbid-renegotiation-after-handshake',
  'renegotiate-ignore',
  // Other ways of calling BoringSSL, while the engine is driven by events alone.
  'implicit-handshake',
  'no-op-extra-handshake',
  'partial-write',
  'peek-then-read',
  'set-ocsp-in-callback',
  'use-custom-verify-callback',
  'use-early-callback',
  'use-ocsp-callback',
  'use-old-client-cert-callback',
  'use-ticket-aead-callback',
  'use-ticket-callback',
  // A ticket is renewed whenever it is used, and preferences are the server's.
  'renew-ticket',
  'server-preference',
  // `-verify-fail` has said it, and a session has no id but of tickets.
  'expect-no-session-id',
  'expect-session-id',
  'expect-verify-result',
  // Extensions are shuffled with -enable-grease.
  'permute-extensions',
]);

/** The same, with a value. */
const NO_EFFECT_VALUES = new Set([
  // The runner's certificates are judged by -verify-fail.
  'trust-cert',
  // That of machines without instructions for AES.
  'expect-cipher-no-aes',
  // Reports of BoringSSL alone.
  'expect-msg-callback',
  'expect-ticket-age-skew',
  // Of DTLS and QUIC, without meaning in TLS over a stream.
  'quic-use-legacy-codepoint',
  'srtp-profiles',
  // Where the runner keeps transcripts.
  'write-settings',
]);

/** All flags that are taken; none of them is excluded. */
export const ACCEPTED_FLAGS: readonly string[] = [
  'new-x509-credential',
  ...CREDENTIAL_FLAGS,
  ...BOOLS,
  ...LISTS,
  ...INTS,
  ...STRINGS,
  ...NO_EFFECT_SWITCHES,
  ...NO_EFFECT_VALUES,
];
