import type { Bytes } from '../core/bytes.ts';
import type { ProtocolVersion } from '../engine/connection.ts';
import { MECHANISMS, type Mechanism, type SandboxLevel } from '../isolation/mechanisms.ts';
import type { ReferenceIdentifier } from '../x509/names.ts';
import { hostReference, InvalidIdentifier, parseReferenceIdentifier, parseSpkiDigest } from '../x509/names.ts';
import type { Revocation } from '../x509/revocation/revocation.ts';
import { type EchList, parseEchList } from './ech-list.ts';
import { nearest, type OptionTable, type Parsed, parseOptions, printable, UsageError } from './options.ts';
import { parseTarget, type Target, toAscii } from './target.ts';

/** What `tlsify connect` is to do, complete: nothing is left to be defaulted. */
export interface ConnectOptions {
  readonly network: NetworkSide;
  /** Standard input and output, or one descriptor for both. */
  readonly plainDescriptor: number | null;
  /** Names or keys; empty only if `verify` is false. */
  readonly references: readonly ReferenceIdentifier[];
  /** SHA-256 of keys of which the server must have one in addition. */
  readonly pins: readonly Bytes[];
  /** `--insecure-no-verify` is the only way to false. */
  readonly verify: boolean;
  /** For server_name; null sends none. */
  readonly serverName: string | null;
  /** Null without `--ech`. */
  readonly ech: EchList | null;
  /** Files and directories of CA certificates, besides the system's store if that is used. */
  readonly authorities: readonly string[];
  readonly systemStore: boolean;
  /** Mozilla's CAs, as they are built into the runtime. */
  readonly mozillaStore: boolean;
  /** Files of CRLs. */
  readonly revocationLists: readonly string[];
  readonly revocation: Revocation['policy'];
  readonly alpn: readonly string[];
  readonly minVersion: ProtocolVersion;
  readonly maxVersion: ProtocolVersion;
  readonly statusDescriptor: number | null;
  /** Infinity for none. It covers look-up, dialling and handshake together. */
  readonly handshakeTimeoutMs: number;
  /** Infinity for none. */
  readonly idleTimeoutMs: number;
  readonly sandbox: SandboxLevel;
  /** May be missing without the run being refused. */
  readonly sandboxWithout: readonly Mechanism[];
  readonly quiet: boolean;
  readonly atInputEnd: 'close-notify' | 'keep-open';
  readonly backend: Backend;
}

/** Who speaks TLS: the engine of tlsify, or the system's OpenSSL in the same sandbox. */
export type Backend = (typeof BACKENDS)[number];

const BACKENDS = ['tlsify', 'openssl'] as const;

/** Where to dial, or a connected socket that was inherited. */
export type NetworkSide = Target | { readonly descriptor: number };

/** What holds when nobody says otherwise. It says nothing of where to connect and who should be there. */
export const DEFAULT_CONNECT_OPTIONS = {
  plainDescriptor: null,
  verify: true,
  ech: null,
  pins: [],
  authorities: [],
  systemStore: true,
  mozillaStore: false,
  revocationLists: [],
  revocation: 'soft',
  alpn: [],
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  statusDescriptor: null,
  handshakeTimeoutMs: 30_000,
  idleTimeoutMs: Number.POSITIVE_INFINITY,
  sandbox: 'standard',
  sandboxWithout: [],
  quiet: false,
  atInputEnd: 'close-notify',
  backend: 'tlsify',
} as const satisfies Partial<ConnectOptions>;

/** The options of `tlsify connect`, for the parser, the help and the documentation. */
export const CONNECT_OPTIONS = {
  'name': {
    takes: 'values',
    short: 'n',
    metavariable: 'ID',
    parse: parseReference,
    help: 'who the server must prove to be: dns:NAME, ip:ADDRESS, another kind of name, or spki-sha256:DIGEST, the key in place of a name; may be repeated, and one is enough; the host by default',
  },
  'pin': {
    takes: 'values',
    metavariable: 'spki-sha256:DIGEST',
    parse: parsePin,
    help: 'the key that the server must have in addition to its name; may be repeated, and one is enough',
  },
  'ca': {
    takes: 'values',
    short: 'C',
    metavariable: 'PATH',
    parse: path,
    help: 'trust the CA certificates in this PEM file or directory, too; may be repeated',
  },
  'crl': {
    takes: 'values',
    metavariable: 'FILE',
    parse: path,
    help: 'refuse what the CRLs in this file list (PEM, or one in DER); may be repeated',
  },
  'revocation': {
    takes: 'value',
    metavariable: 'POLICY',
    parse: (text: string) => oneOf(REVOCATION_POLICIES, text),
    help: 'soft (the default): refuse certificates that are known to be revoked; hard: refuse those, too, that neither a CRL nor a stapled OCSP response shows to be good',
  },
  'mozilla-ca': {
    takes: 'nothing',
    help: "trust Mozilla's CAs, those of the release that tlsify was built with, in place of the system's",
  },
  'no-system-ca': { takes: 'nothing', help: "trust none of the system's CAs, only those of --ca" },
  'alpn': {
    takes: 'value',
    short: 'a',
    metavariable: 'LIST',
    parse: parseAlpn,
    help: 'application protocols to offer, best first, with commas between them: h2,http/1.1',
  },
  'min-version': {
    takes: 'value',
    metavariable: 'VERSION',
    parse: protocolVersion,
    help: 'the oldest version of TLS to accept: 1.2 (the default) or 1.3',
  },
  'max-version': {
    takes: 'value',
    metavariable: 'VERSION',
    parse: protocolVersion,
    help: 'the newest version of TLS to offer: 1.3 (the default) or 1.2, for servers that stumble over 1.3',
  },
  'sni': {
    takes: 'value',
    short: 's',
    metavariable: 'NAME|none',
    parse: serverName,
    help: 'the name by which to ask for the server; the host by default, none for an address',
  },
  'ech': {
    takes: 'value',
    metavariable: 'LIST',
    parse: parseEchList,
    help: "send that name encrypted (Encrypted Client Hello), or not at all: LIST is the server's ECHConfigList in base64, as its HTTPS record in DNS has it behind ech=, or @FILE with that in it",
  },
  'net-fd': {
    takes: 'value',
    metavariable: 'N',
    parse: parseDescriptor,
    help: 'use this connected socket instead of dialling; needs --name',
  },
  'app-fd': {
    takes: 'value',
    metavariable: 'N',
    parse: parseDescriptor,
    help: 'plain data on this descriptor, both ways, instead of standard input and output',
  },
  'status-fd': {
    takes: 'value',
    metavariable: 'N',
    parse: parseDescriptor,
    help: 'write what happens to this descriptor, one JSON object a line',
  },
  'handshake-timeout': {
    takes: 'value',
    short: 't',
    metavariable: 'SECONDS',
    parse: milliseconds,
    help: 'give up if the connection is not ready by then; 0 waits for ever; 30 by default',
  },
  'idle-timeout': {
    takes: 'value',
    short: 'i',
    metavariable: 'SECONDS',
    parse: milliseconds,
    help: 'end if no data moves in either direction for so long; 0, the default, waits for ever',
  },
  'keep-open': {
    takes: 'nothing',
    short: 'k',
    help: 'at the end of the input do not say so to the server: it ends the connection (some servers, HTTP ones above all, cut their answer short when told)',
  },
  'sandbox': {
    takes: 'value',
    metavariable: 'LEVEL',
    parse: sandboxLevel,
    help: 'strict, standard (the default) or off',
  },
  'sandbox-without': {
    takes: 'values',
    metavariable: 'PART',
    parse: mechanism,
    help: 'go on if this part of the sandbox cannot be had here; may be repeated',
  },
  'backend': {
    takes: 'value',
    metavariable: 'NAME',
    parse: backend,
    help: "who speaks TLS in the sandbox: tlsify (the default), or openssl, the system's libssl.so.3",
  },
  'insecure-no-verify': {
    takes: 'nothing',
    help: 'do not verify who the server is: anybody can read and change what is sent',
  },
  'quiet': { takes: 'nothing', short: 'q', help: 'no messages for failures: the exit code says it' },
  'help': { takes: 'nothing', short: 'h', help: 'show this' },
} as const satisfies OptionTable;

/** @throws UsageError */
export function parseConnect(argv: readonly string[]): ConnectOptions | 'help' {
  const { options, operands, program } = parseOptions(CONNECT_OPTIONS, argv);
  if (options.help) return 'help';
  if (program !== undefined) throw new UsageError('connect cannot start a program yet: nothing may follow `--`');
  const network = networkSide(operands, options['net-fd']);
  refuseSharedStatus(options['status-fd'], network, options['app-fd']);
  const verify = !options['insecure-no-verify'];
  refuseUnverified(options, verify);
  refuseUnencrypted(options);
  const host = 'host' in network ? network.host : undefined;
  const hostNames = host === undefined ? [] : [hostReference(host, toAscii)];
  const references = options.name.length > 0 ? options.name : hostNames;
  if (verify && references.length === 0)
    throw new UsageError(
      '--net-fd alone does not say who should be at the other end',
      'add the name that the certificate must have: --name dns:example.com',
    );
  if (verify) refuseEmptyStore(options);
  const defaults = DEFAULT_CONNECT_OPTIONS;
  const minVersion = options['min-version'] ?? defaults.minVersion;
  const maxVersion = options['max-version'] ?? defaults.maxVersion;
  if (minVersion === 'TLSv1.3' && maxVersion === 'TLSv1.2')
    throw new UsageError('--min-version 1.3 and --max-version 1.2 leave no version');
  return {
    network,
    plainDescriptor: options['app-fd'] ?? defaults.plainDescriptor,
    references: verify ? references : [],
    pins: options.pin,
    verify,
    serverName: options.sni === undefined ? firstDnsName([...hostNames, ...references]) : options.sni,
    ech: options.ech ?? defaults.ech,
    authorities: options.ca,
    systemStore: !options['no-system-ca'] && !options['mozilla-ca'],
    mozillaStore: options['mozilla-ca'],
    revocationLists: options.crl,
    revocation: options.revocation ?? defaults.revocation,
    alpn: options.alpn ?? defaults.alpn,
    minVersion,
    maxVersion,
    statusDescriptor: options['status-fd'] ?? defaults.statusDescriptor,
    handshakeTimeoutMs: options['handshake-timeout'] ?? defaults.handshakeTimeoutMs,
    idleTimeoutMs: options['idle-timeout'] ?? defaults.idleTimeoutMs,
    sandbox: options.sandbox ?? defaults.sandbox,
    sandboxWithout: options['sandbox-without'],
    quiet: options.quiet,
    atInputEnd: options['keep-open'] ? 'keep-open' : defaults.atInputEnd,
    backend: options.backend ?? defaults.backend,
  };
}

/** What the verification would check, where there is none; and what could mean two things. */
function refuseUnverified({ name, pin, crl, revocation, ech }: Parsed<typeof CONNECT_OPTIONS>, verify: boolean): void {
  const given = { '--name': name.length > 0, '--pin': pin.length > 0, '--crl': crl.length > 0 };
  // Of --ech: who rejects it is believed because its certificate is verified (RFC 9849 section 6.1.6).
  const checks = { ...given, '--revocation': revocation !== undefined, '--ech': ech !== undefined };
  for (const [option, isGiven] of Object.entries(checks))
    if (!verify && isGiven)
      throw new UsageError(`--insecure-no-verify checks nothing: leave out either that or ${option}`);
  refuseMixedReferences(name);
}

/** @throws UsageError where no CA is left to trust */
export function refuseEmptyStore(
  options: Pick<Parsed<typeof CONNECT_OPTIONS>, 'ca' | 'mozilla-ca' | 'no-system-ca'>,
): void {
  if (options['no-system-ca'] && !options['mozilla-ca'] && options.ca.length === 0)
    throw new UsageError('--no-system-ca leaves no CA to trust', 'name one with --ca FILE');
}

/** Names and keys together could mean either one of the two or both. @throws UsageError */
export function refuseMixedReferences(names: readonly ReferenceIdentifier[]): void {
  const keys = names.filter(({ type }) => type === 'spki-sha256').length;
  if (keys > 0 && keys < names.length)
    throw new UsageError(
      '--name with a key stands in the place of a name, and there are both',
      'for a key in addition to a name: --pin spki-sha256:DIGEST',
    );
}

/** What would leave the name where everybody can read it. */
function refuseUnencrypted({ ech, backend: speaker, 'max-version': maxVersion }: Parsed<typeof CONNECT_OPTIONS>): void {
  if (ech === undefined) return;
  if (speaker === 'openssl')
    throw new UsageError('--backend openssl has no Encrypted Client Hello: leave out either that or --ech');
  if (maxVersion === 'TLSv1.2') throw new UsageError('--ech needs TLS 1.3: leave out either that or --max-version 1.2');
}

function networkSide(operands: readonly string[], fd: number | undefined): NetworkSide {
  const [target, more] = operands;
  if (fd !== undefined) {
    if (target !== undefined) throw new UsageError(`both --net-fd and ${printable(target)}: which one is it?`);
    return { descriptor: fd };
  }
  if (target === undefined) throw new UsageError('connect to what?', 'tlsify connect HOST:PORT');
  if (more === undefined) return parseTarget(target);
  const fix = operands.length === 2 && /^\d+$/.test(more) ? `tlsify connect ${target}:${more}` : undefined;
  throw new UsageError(`one HOST:PORT, not ${operands.length} arguments`, fix);
}

/** Status lines among the data of either side would be taken for data. */
function refuseSharedStatus(status: number | undefined, network: NetworkSide, plain: number | undefined): void {
  const others = new Map(
    plain === undefined
      ? [
          [0, 'standard input'],
          [1, 'standard output'],
        ]
      : [[plain, '--app-fd']],
  );
  if ('descriptor' in network) others.set(network.descriptor, '--net-fd');
  const other = status === undefined ? undefined : others.get(status);
  if (other !== undefined)
    throw new UsageError(
      `--status-fd ${status} is the same as ${other}`,
      'give it a descriptor of its own: --status-fd 3 3>status.json',
    );
}

/** The name for server_name, if there is one. */
export function firstDnsName(references: readonly ReferenceIdentifier[]): string | null {
  return references.find((reference) => reference.type === 'dns')?.name ?? null;
}

/** The value of `--name`. @throws UsageError */
export function parseReference(text: string): ReferenceIdentifier {
  return invalidAsUsage(() => parseReferenceIdentifier(text, toAscii));
}

function parsePin(text: string): Bytes {
  const prefix = 'spki-sha256:';
  if (!text.startsWith(prefix)) throw new UsageError(`not of the form ${prefix}DIGEST`);
  return invalidAsUsage(() => parseSpkiDigest(text.slice(prefix.length)));
}

function serverName(text: string): string | null {
  if (text === 'none') return null;
  const parsed = invalidAsUsage(() => parseReferenceIdentifier(`dns:${text}`, toAscii));
  return parsed.type === 'dns' ? parsed.name : null;
}

function invalidAsUsage<Value>(parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (error instanceof InvalidIdentifier) throw new UsageError(error.message);
    throw error;
  }
}

function path(text: string): string {
  if (text === '') throw new UsageError('the path is empty');
  return text;
}

/** RFC 7301 section 3.1: each name has 1 to 255 bytes, the list fits in 2^16. @throws UsageError */
export function parseAlpn(text: string): string[] {
  const names = text.split(',');
  for (const name of names)
    if (!/^[\x21-\x7e]{1,255}$/.test(name))
      throw new UsageError('names of 1 to 255 ASCII characters, with commas between');
  if (new Set(names).size < names.length) throw new UsageError('a protocol is named twice');
  if (names.length > 32) throw new UsageError('more than 32 protocols');
  return names;
}

/** `1.3`, or as status lines have it: `TLSv1.3`. */
function protocolVersion(text: string): ProtocolVersion {
  return `TLSv${oneOf(['1.2', '1.3'] as const, text.replace(/^TLSv/, ''))}`;
}

/** @throws UsageError */
export function parseDescriptor(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new UsageError('not the number of a descriptor');
  return Number(text);
}

/** Eleven days are as good as for ever, and fit the kernel's timers. */
const LONGEST_SECONDS = 1_000_000;

function milliseconds(text: string): number {
  const seconds = /^\d+(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds <= LONGEST_SECONDS)) throw new UsageError(`not a number of seconds from 0 to ${LONGEST_SECONDS}`);
  return seconds === 0 ? Number.POSITIVE_INFINITY : seconds * 1000;
}

const REVOCATION_POLICIES = ['soft', 'hard'] as const satisfies readonly Revocation['policy'][];
const SANDBOX_LEVELS = ['strict', 'standard', 'off'] as const satisfies readonly SandboxLevel[];

function sandboxLevel(text: string): SandboxLevel {
  return oneOf(SANDBOX_LEVELS, text);
}

function backend(text: string): Backend {
  return oneOf(BACKENDS, text);
}

function mechanism(text: string): Mechanism {
  return oneOf(Object.keys(MECHANISMS) as Mechanism[], text);
}

function oneOf<Word extends string>(words: readonly Word[], text: string): Word {
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  const near = nearest(text, words);
  throw new UsageError(`not one of ${words.join(', ')}`, near === undefined ? undefined : `did you mean ${near}?`);
}
