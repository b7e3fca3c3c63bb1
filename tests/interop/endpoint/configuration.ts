import { readFileSync } from 'node:fs';
import { brotliCompressSync, deflateSync, zstdCompressSync } from 'node:zlib';
import { CERTIFICATE, decodeBlock, findBlocks } from '../../../src/certs/pem.ts';
import { TrustStore } from '../../../src/certs/trust-store.ts';
import { type Bytes, hex } from '../../../src/core/bytes.ts';
import {
  TLS12_SUITES,
  TLS13_SUITES,
  type Tls12SuiteName,
  type Tls13SuiteName,
} from '../../../src/crypto/cipher-suites.ts';
import type { CertificateCompression } from '../../../src/crypto/provider.ts';
import { nodeCrypto } from '../../../src/crypto-node/provider.ts';
import { type CertificateVerifier, type KeyHolder, NO_KEYS } from '../../../src/engine/answer.ts';
import { type ClientConfig, defaultClientConfig } from '../../../src/engine/config.ts';
import type { Ticket } from '../../../src/engine/connection.ts';
import { certificateBody } from '../../../src/engine/own-certificate.ts';
import { defaultServerConfig, type ServerConfig } from '../../../src/engine/server-config.ts';
import { formatName } from '../../../src/x509/distinguished-name.ts';
import { formatReference } from '../../../src/x509/names.ts';
import type { Purpose } from '../../../src/x509/rules.ts';
import { verifyCertificate } from '../../../src/x509/verify.ts';
import { type HeldCredential, softwareKeys } from '../../support/software-keys.ts';
import { type Certified, CLIENT_NAME, type ClientOptions, type CommonOptions, type ServerOptions } from './options.ts';

export function serverConfig(options: ServerOptions): ServerConfig {
  return {
    ...defaultServerConfig(nodeCrypto, Date.now),
    ...common(options),
    clientCertificate: options.clientCertificate ?? 'none',
    ticketLifetimeSeconds: options.tickets === true ? 7200 : 0,
    statelessRetry: options.statelessRetry ?? false,
  };
}

export function clientConfig(options: ClientOptions, ticket: Ticket | null): ClientConfig {
  const config = { ...defaultClientConfig(nodeCrypto, 'localhost', Date.now), ...common(options) };
  return {
    ...config,
    keyShareGroups: options.keyShareGroups ?? config.keyShareGroups.filter((group) => config.groups.includes(group)),
    keepTickets: options.session !== undefined,
    session: ticket,
  };
}

/** Of a server: with a key of its own for tickets. */
export function serverKeys({ certificates, compress }: ServerOptions): KeyHolder {
  return softwareKeys(certificates.map((certificate) => held(certificate, compress)));
}

/** Of a client: like a browser's, it shows its certificate to whoever can use it. */
export function clientKeys({ certificate }: ClientOptions): KeyHolder {
  return certificate === undefined ? NO_KEYS : softwareKeys([held(certificate)]);
}

/** Accepts a chain to `trusted` with the name that a peer of that role has here. */
export function verifier(trusted: string | undefined, purpose: Purpose): CertificateVerifier {
  if (trusted === undefined) throw new Error('whom to trust?');
  const anchors = TrustStore.open({ ca: [trusted], system: false, environment: { XDG_CACHE_HOME: '/nonexistent' } });
  const name = purpose === 'server' ? 'localhost' : CLIENT_NAME;
  return (chain) => {
    const verification = verifyCertificate({
      chain,
      anchors,
      now: Math.floor(Date.now() / 1000),
      purpose,
      references: { identifiers: [{ type: 'dns', name }] },
      revocation: { policy: 'soft', lists: [] },
      crypto: nodeCrypto,
    });
    if (!verification.ok) return { answer: 'refused', failure: verification.failure };
    const { leaf, matched } = verification.path;
    return {
      answer: 'certificate-accepted',
      spki: leaf.spki,
      identity: {
        verified: true,
        matched: matched.map(formatReference),
        subject: formatName(leaf.subject),
        spkiSha256: hex(nodeCrypto.hash('sha256', leaf.spki)),
        certificateSha256: hex(nodeCrypto.hash('sha256', leaf.der)),
        notAfterSeconds: leaf.notAfter,
      },
    };
  };
}

function common({ version, suites, groups, alpn, recordSizeLimit, maxFragment }: CommonOptions) {
  return {
    ...(version === undefined ? {} : { minVersion: version, maxVersion: version }),
    ...(suites === undefined
      ? {}
      : {
          suites: suites.filter((suite): suite is Tls13SuiteName => suite in TLS13_SUITES),
          tls12Suites: suites.filter((suite): suite is Tls12SuiteName => suite in TLS12_SUITES),
        }),
    ...(groups === undefined ? {} : { groups }),
    ...(alpn === undefined ? {} : { alpn }),
    ...(recordSizeLimit === undefined ? {} : { recordSizeLimit }),
    ...(maxFragment === undefined ? {} : { maxFragment }),
  };
}

function held({ chain, key, names }: Certified, compress?: CertificateCompression): HeldCredential {
  const credential = { chain: certificatesOf(chain), privatePem: readFileSync(key, 'latin1') };
  return {
    ...credential,
    ...(names === undefined ? {} : { names }),
    ...(compress === undefined ? {} : { compressed: [compressedForm(credential.chain, compress)] }),
  };
}

function compressedForm(chain: readonly Bytes[], algorithm: CertificateCompression) {
  const body = certificateBody({ chain, key: '' }, false);
  return {
    algorithm,
    stapled: false,
    uncompressedBytes: body.length,
    compressed: new Uint8Array(COMPRESS[algorithm](body)),
  };
}

const COMPRESS = {
  zlib: deflateSync,
  brotli: brotliCompressSync,
  zstd: zstdCompressSync,
} as const satisfies Record<CertificateCompression, (bytes: Bytes) => Uint8Array>;

function certificatesOf(path: string): Bytes[] {
  const pem = readFileSync(path);
  return findBlocks(pem, CERTIFICATE).map((block) => {
    const der = decodeBlock(pem, block, CERTIFICATE);
    if (der === undefined) throw new Error(`${path}: not a certificate`);
    return der;
  });
}
