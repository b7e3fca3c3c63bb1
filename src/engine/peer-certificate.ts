import type { Bytes } from '../core/bytes.ts';
import { TlsError } from '../core/failures.ts';
import { LIMITS } from '../core/limits.ts';
import type { CertificateCompression, CryptoProvider, SignatureScheme } from '../crypto/provider.ts';
import { SIGNATURE_SCHEMES, type SignatureKey, signatureSchemeByCodePoint } from '../crypto/signature-schemes.ts';
import { signedBytes } from '../crypto/signed-content.ts';
import type { Transcript } from '../crypto/transcript.ts';
import { DerError } from '../x509/der.ts';
import { readPublicKey } from '../x509/public-key.ts';
import { decodeOcspResponse, requireRequested } from './codec/extensions.ts';
import {
  type CertificateEntry,
  decodeCertificate,
  decodeCertificateVerify,
  decodeCompressedCertificate,
} from './codec/messages.ts';
import { CERTIFICATE_COMPRESSION, EXTENSION, HANDSHAKE_TYPE } from './codec/registry.ts';
import type { Effect } from './connection.ts';
import type { HandshakeMessage } from './record/joiner.ts';

/** What we accept in the peer's Certificate. */
export interface CertificateRules {
  readonly compressions: readonly CertificateCompression[];
  /** Whether we asked for an extension in its entries. */
  readonly requested: (code: number) => boolean;
}

/** The peer's chain, validated as a message. */
export interface PeerChain {
  /** DER, leaf first; empty is a client's way to have none. */
  readonly chain: readonly Bytes[];
  readonly ocspResponse: Bytes | undefined;
}

/** RFC 8446 section 4.4.2, RFC 8879: the Certificate of either role, during the handshake. */
export function readCertificate(
  crypto: Pick<CryptoProvider, 'decompress'>,
  message: HandshakeMessage,
  rules: CertificateRules,
): PeerChain {
  const body = message.type === HANDSHAKE_TYPE.certificate ? message.body : decompress(crypto, message, rules);
  const { context, entries } = decodeCertificate(body);
  if (context.length !== 0) throw new TlsError('decode-error', 'certificate_request_context in the handshake');
  const chain = entries.map(({ certificate }) => certificate);
  requireCertificates(chain);
  const [ocspResponse] = entries.map((entry) => readOcspResponse(entry, rules));
  return { chain, ocspResponse };
}

/** What can be said of certificates without reading them: DER, and not too many. @throws TlsError decode-error, certificate-chain-too-long */
export function requireCertificates(chain: readonly Bytes[]): void {
  if (chain.length > LIMITS.certificateEntries)
    throw new TlsError('certificate-chain-too-long', `${chain.length} certificates`);
  if (chain.some((der) => der[0] !== DER_SEQUENCE)) throw new TlsError('decode-error', 'Certificate: not DER');
}

const DER_SEQUENCE = 0x30;

/** Asks whether the chain is acceptable. @param publicName see the effect */
export function verifyCertificate({ chain, ocspResponse }: PeerChain, publicName: string | null): Effect {
  return { effect: 'verify-certificate', chain, publicName, ...(ocspResponse === undefined ? {} : { ocspResponse }) };
}

/** The staple is checked in every entry, but used of the leaf alone. */
function readOcspResponse({ extensions }: CertificateEntry, { requested }: CertificateRules): Bytes | undefined {
  requireRequested('Certificate', extensions, [EXTENSION.status_request], requested);
  const body = extensions.get(EXTENSION.status_request);
  return body === undefined ? undefined : decodeOcspResponse(body);
}

function decompress(
  crypto: Pick<CryptoProvider, 'decompress'>,
  message: HandshakeMessage,
  { compressions }: CertificateRules,
): Bytes {
  const { algorithm: codePoint, uncompressedBytes, compressed } = decodeCompressedCertificate(message.body);
  const algorithm = compressions.find((name) => CERTIFICATE_COMPRESSION[name] === codePoint);
  if (algorithm === undefined) throw new TlsError('illegal-parameter', `certificate compression ${codePoint}`);
  if (uncompressedBytes > LIMITS.certificateMessageBytes)
    throw new TlsError('message-too-large', `compressed certificate of ${uncompressedBytes} bytes`);
  let body: Bytes;
  try {
    body = crypto.decompress(algorithm, compressed, uncompressedBytes);
  } catch (error) {
    if (error instanceof RangeError) throw new TlsError('certificate-decompression-failed');
    throw error;
  }
  if (body.length !== uncompressedBytes) throw new TlsError('certificate-decompression-failed', 'another length');
  return body;
}

/** What the peer signed with, and the question whether it did. */
export interface SignatureCheck {
  readonly scheme: SignatureScheme;
  readonly effect: Effect;
}

/**
 * RFC 8446 section 4.4.3: CertificateVerify.
 * @param accepted the schemes that we have offered
 * @param transcript up to the Certificate
 */
export function readCertificateVerify(
  body: Bytes,
  signer: 'client' | 'server',
  accepted: readonly SignatureScheme[],
  spki: Bytes,
  transcript: Transcript,
): SignatureCheck {
  const { scheme: codePoint, signature } = decodeCertificateVerify(body);
  const scheme = signatureSchemeByCodePoint(codePoint);
  if (scheme === undefined || !accepted.includes(scheme) || !SIGNATURE_SCHEMES[scheme].inTls13Handshake)
    throw new TlsError('wrong-signature-scheme', scheme ?? `0x${codePoint.toString(16)}`);
  const key = keyTypeOf(spki);
  if (key !== null && SIGNATURE_SCHEMES[scheme].key !== key)
    throw new TlsError('wrong-signature-scheme', `${scheme} with a key of type ${key}`);
  const message = signedBytes({ version: 'TLSv1.3', role: signer, transcriptHash: transcript.hash() });
  return { scheme, effect: { effect: 'verify-signature', scheme, spki, message, signature } };
}

/** Null for a key that is none of ours, or too weak: whether it will do is for the verifier to say, and then the signature decides. */
export function keyTypeOf(spki: Bytes): SignatureKey | null {
  try {
    return readPublicKey(spki).type;
  } catch (error) {
    if (error instanceof TlsError || error instanceof DerError) return null;
    throw error;
  }
}
