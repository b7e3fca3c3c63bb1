/**
 * The command line that BoringSSL's TLS test runner gives its shim (ssl/test/test_config.cc has the whole list). A flag may be
 * prefixed with the connection that it is for: -on-initial-…, -on-resume-…; -on-shim-… is always us, -on-handshaker-… never.
 */
export interface ShimFlags {
  readonly bools: ReadonlySet<string>;
  readonly ints: ReadonlyMap<string, readonly number[]>;
  readonly strings: ReadonlyMap<string, string>;
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

/** Thrown for what the shim leaves to others: exit code 89. */
export class Unimplemented extends Error {}

/** @returns the flags of each connection in turn: the initial one, then `-resume-count` more. */
export function parseFlags(argv: readonly string[]): ShimFlags[] {
  const initial = collector();
  const resumed = collector();
  for (let index = 0; index < argv.length; index++) {
    let name = (argv[index] as string).replace(/^-+/, '');
    let targets = [initial, resumed];
    const prefix = /^on-(initial|resume|retry|shim|handshaker)-/.exec(name);
    if (prefix !== null && prefix[1] !== 'shim') {
      if (prefix[1] === 'initial') targets = [initial];
      else if (prefix[1] === 'resume') targets = [resumed];
      else targets = [];
    }
    if (prefix !== null) name = name.slice(prefix[0].length);
    if (name === 'new-x509-credential') {
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
    } else {
      throw new Unimplemented(`-${name}`);
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

function collector() {
  const credentials: CredentialFlags[] = [{ mustMatchIssuer: false, numbered: false }];
  return {
    bools: new Set<string>(),
    ints: new Map<string, number[]>(),
    strings: new Map<string, string>(),
    credentials,
  };
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

const BOOLS = new Set([
  'decline-ocsp-callback',
  'fail-ocsp-callback',
  'set-ocsp-in-callback',
  'use-ocsp-callback',
  'use-old-client-cert-callback',
  'decline-alpn',
  'expect-no-peer-cert',
  'fail-cert-callback',
  'no-server-name-ack',
  'reject-alpn',
  'require-any-client-certificate',
  'select-empty-alpn',
  'server-preference',
  'use-early-callback',
  'async',
  'check-close-notify',
  'enable-grease',
  'enable-ocsp-stapling',
  'expect-extended-master-secret',
  'expect-hrr',
  'expect-no-hrr',
  'expect-no-session',
  'expect-no-session-id',
  'expect-session-id',
  'expect-session-miss',
  'expect-verify-result',
  'export-traffic-secrets',
  'implicit-handshake',
  'install-cert-compression-algs',
  'ipv6',
  'key-update',
  'key-update-before-read',
  'no-key-shares',
  'no-legacy-server-connect',
  'no-op-extra-handshake',
  'no-tls1',
  'no-tls11',
  'no-tls12',
  'no-tls13',
  'no-ticket',
  'partial-write',
  'peek-then-read',
  'permute-extensions',
  'renegotiate-ignore',
  'reverify-on-resume',
  'server',
  'shim-shuts-down',
  'shim-writes-first',
  'use-custom-verify-callback',
  'use-export-context',
  'verify-fail',
  'verify-peer',
  'write-different-record-sizes',
]);

const INTS = new Set([
  'expect-selected-credential',
  'resumption-delay',
  'curves',
  'expect-cipher',
  'expect-cipher-aes',
  'expect-cipher-no-aes',
  'expect-curve-id',
  'expect-peer-signature-algorithm',
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
  'shim-id',
  'verify-prefs',
]);

const STRINGS = new Set([
  'expect-advertised-alpn',
  'expect-client-ca-list',
  'expect-server-name',
  'select-alpn',
  'use-client-ca-list',
  'advertise-alpn',
  'expect-alpn',
  'expect-ocsp-response',
  'expect-peer-cert-file',
  'export-context',
  'export-label',
  'host-name',
  'shim-initial-write',
  'trust-cert',
]);
