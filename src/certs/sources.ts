import { readdirSync, statSync } from 'node:fs';
import { isDer, readWhole, reasonOf } from './files.ts';
import { blankAllButCertificates } from './pem.ts';

/** A file of certificates, with nothing else of it in memory, and what tells whether it is still the same on disk. */
export interface Source {
  readonly path: string;
  readonly bytes: Buffer;
  /** Path, device, inode, size, and times of change in nanoseconds: one line of text. */
  readonly identity: string;
  /**
   * `system`: the store of public CAs that the distribution maintains, with those that the administrator added to it.
   * `local`: where the administrator put the latter: tells which they are, and is trusted for none that the store does not have.
   * `explicit`: somebody named this very file or folder.
   */
  readonly origin: 'system' | 'local' | 'explicit';
}

/** The trust store cannot be had as it was asked for: a failure of configuration. `message` names the path and what to do. */
export class TrustStoreError extends Error {
  override readonly name = 'TrustStoreError';
  readonly path: string | null;

  constructor(path: string | null, message: string) {
    super(message);
    this.path = path;
  }
}

/** A store is at most some hundred certificates; Debian's is 220 KB. */
const FILE_BYTES = 16 * 1024 * 1024;
const DIRECTORY_FILES = 4096;

/** Where a distribution keeps its store. */
interface SystemStore {
  readonly bundle: string;
  /** What the administrator wants in the bundle. */
  readonly local: string;
  /** In place of a bundle, should there be none: a folder with hashed names. */
  readonly folder?: string;
}

const SYSTEM_STORES: readonly SystemStore[] = [
  // Debian, Ubuntu, Alpine, Gentoo; Fedora, RHEL; openSUSE; Arch and others.
  {
    bundle: '/etc/ssl/certs/ca-certificates.crt',
    local: '/usr/local/share/ca-certificates',
    folder: '/etc/ssl/certs',
  },
  {
    bundle: '/etc/pki/tls/certs/ca-bundle.crt',
    local: '/etc/pki/ca-trust/source/anchors',
    folder: '/etc/pki/tls/certs',
  },
  { bundle: '/etc/ssl/ca-bundle.pem', local: '/etc/pki/trust/anchors' },
  { bundle: '/etc/ssl/cert.pem', local: '/etc/ca-certificates/trust-source/anchors' },
];

/** `--ca`: a file (PEM, or one DER certificate) or a folder of such files. @throws TrustStoreError */
export function readExplicitSource(path: string): Source[] {
  const sources = isDirectory(path) ? readDirectory(path, 'explicit') : [readSource(path, 'explicit')];
  if (sources.length === 0)
    throw new TrustStoreError(path, `${path} has no certificates: *.pem, *.crt, *.cer or hashed names`);
  return sources;
}

/**
 * The default store: what SSL_CERT_FILE and SSL_CERT_DIR name, as explicit as `--ca`, or the system's.
 * @throws TrustStoreError
 */
export function readDefaultStore(
  environment: Readonly<Record<string, string | undefined>>,
  stores: readonly SystemStore[] = SYSTEM_STORES,
): Source[] {
  const { SSL_CERT_FILE: file, SSL_CERT_DIR: directories } = environment;
  if (file || directories) {
    const folders = (directories ?? '').split(':').filter((path) => path !== '');
    const sources = folders.flatMap((path) => readDirectory(path, 'explicit'));
    if (file) sources.unshift(readSource(file, 'explicit'));
    if (sources.length === 0)
      throw new TrustStoreError(folders[0] ?? null, `SSL_CERT_DIR (${directories}) has no certificates`);
    return sources;
  }
  for (const { bundle, local } of stores) {
    const source = tryRead(bundle, 'system');
    if (source !== undefined) return [source, ...(isDirectory(local) ? readDirectory(local, 'local') : [])];
  }
  for (const { folder } of stores) {
    const sources = folder !== undefined && isDirectory(folder) ? readDirectory(folder, 'system') : [];
    if (sources.length > 0) return sources;
  }
  throw new TrustStoreError(
    null,
    `this system has no store of trusted CAs (${stores[0]?.bundle} and the like): install the package ca-certificates, or name a CA with --ca`,
  );
}

/** Certificates that came with the runtime: the same ones for as long as that is the same, and held to what public CAs are. */
export function builtInSource(certificates: readonly string[]): Source {
  const bytes = Buffer.from(certificates.map((pem) => `${pem}\n`).join(''));
  const { bun = 'none', node } = process.versions;
  return { path: 'built-in', bytes, identity: `built-in bun ${bun} node ${node} ${bytes.length}`, origin: 'system' };
}

/** Undefined for a file that is not there; for one that only tells which CAs are local, also if it cannot be read. */
function tryRead(path: string, origin: 'system' | 'local'): Source | undefined {
  try {
    return readSource(path, origin);
  } catch (error) {
    if (error instanceof TrustStoreError && (error.cause === 'ENOENT' || origin === 'local')) return undefined;
    throw error;
  }
}

/** The whole file, and its identity. */
function readSource(path: string, origin: Source['origin']): Source {
  try {
    const { bytes, status } = readWhole(path, FILE_BYTES);
    // The store of the system has nothing else in it, and is large.
    if (origin !== 'system' && !isDer(bytes)) blankAllButCertificates(bytes);
    const { dev, ino, size, mtimeNs, ctimeNs } = status;
    return { path, bytes, identity: [path, dev, ino, size, mtimeNs, ctimeNs].join(' '), origin };
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Hashed names if there are any, as `openssl rehash` makes them beside the files that they stand for; or else files by their endings. */
function readDirectory(path: string, origin: Source['origin']): Source[] {
  let names: string[];
  try {
    names = readdirSync(path).sort();
  } catch (error) {
    throw unreadable(path, error);
  }
  const hashed = names.filter((name) => /^[0-9a-f]{8}\.\d+$/.test(name));
  const chosen = hashed.length > 0 ? hashed : names.filter((name) => /\.(pem|crt|cer)$/i.test(name));
  if (chosen.length > DIRECTORY_FILES)
    throw new TrustStoreError(path, `${path} has more than ${DIRECTORY_FILES} certificates`);
  const sources = chosen
    .map((name) => `${path}/${name}`)
    .map((file) => (origin === 'explicit' ? readSource(file, origin) : tryRead(file, origin)))
    .filter((source) => source !== undefined);
  // Keys and requests have the same endings.
  return sources.filter(({ bytes }) => isDer(bytes) || bytes.includes('-----BEGIN CERTIFICATE-----'));
}

/** False also for what cannot be looked at: to read it will say why. */
function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function unreadable(path: string, error: unknown): TrustStoreError {
  const failure = new TrustStoreError(path, `cannot read the certificates in ${path}: ${reasonOf(error)}`);
  failure.cause = (error as NodeJS.ErrnoException).code;
  return failure;
}
