import { type Bytes, EMPTY } from '../core/bytes.ts';
import { TlsError } from '../core/failures.ts';
import type { CertificateCompression, SignatureScheme } from '../crypto/provider.ts';
import { SIGNATURE_SCHEMES } from '../crypto/signature-schemes.ts';
import { decodeShortCodePoints, type Extensions, encodeOcspResponse } from './codec/extensions.ts';
import { encodeCertificate, encodeCertificateVerify, encodeCompressedCertificate } from './codec/messages.ts';
import { CERTIFICATE_COMPRESSION, EXTENSION } from './codec/registry.ts';
import type { Answer, CertificateChoice, CertificateQuestion, Credential } from './connection.ts';

/** What the peer has asked for in our Certificate. */
export interface CertificateWishes {
  readonly compressions: readonly CertificateCompression[];
  readonly ocspRequested: boolean;
}

/** Our Certificate message, compressed if the credential comes with a form that the peer takes (RFC 8446 section 4.4.2, RFC 8879). */
export function certificateMessage(credential: Credential, { compressions, ocspRequested }: CertificateWishes): Bytes {
  const stapled = ocspRequested && credential.ocspResponse !== undefined;
  const ready = credential.compressed?.find(
    (form) => form.stapled === stapled && compressions.includes(form.algorithm),
  );
  if (ready !== undefined)
    return encodeCompressedCertificate({
      algorithm: CERTIFICATE_COMPRESSION[ready.algorithm],
      uncompressedBytes: ready.uncompressedBytes,
      compressed: ready.compressed,
    });
  return encodeCertificate({
    context: EMPTY,
    entries: credential.chain.map((certificate, index) => ({
      certificate,
      extensions: index === 0 && stapled ? staple(credential) : NO_EXTENSIONS,
    })),
  });
}

/** compress_certificate (RFC 8879 section 3): the peer's list, as far as we know it. */
export function readCompressions(body: Bytes): CertificateCompression[] {
  const codes = decodeShortCodePoints('compress_certificate', body);
  if (new Set(codes).size !== codes.length)
    throw new TlsError('decode-error', 'compress_certificate: one is there twice');
  const names = Object.keys(CERTIFICATE_COMPRESSION) as CertificateCompression[];
  return names.filter((name) => codes.includes(CERTIFICATE_COMPRESSION[name]));
}

/** What a holder of credentials compresses ahead of time: the Certificate message without its four-byte header. */
export function certificateBody(credential: Credential, stapled: boolean): Bytes {
  return certificateMessage({ ...credential, compressed: [] }, { compressions: [], ocspRequested: stapled }).subarray(
    4,
  );
}

/** A client that shows none says so (section 4.4.2). */
export function emptyCertificateMessage(): Bytes {
  return encodeCertificate({ context: EMPTY, entries: [] });
}

/** Our CertificateVerify (section 4.4.3). */
export function certificateVerifyMessage(scheme: SignatureScheme, signature: Bytes): Bytes {
  return encodeCertificateVerify({ scheme: SIGNATURE_SCHEMES[scheme].codePoint, signature });
}

/** Holds an answer against its question. @throws TlsError internal-error: whoever answered broke the contract */
export function checkedChoice(
  { choice }: Extract<Answer, { answer: 'certificate-chosen' }>,
  { schemes }: Pick<CertificateQuestion, 'schemes'>,
): CertificateChoice | null {
  if (choice === null) return null;
  if (!schemes.includes(choice.scheme) || choice.credential.chain.length === 0)
    throw new TlsError('internal-error', `a certificate for ${choice.scheme} was chosen`);
  return choice;
}

const NO_EXTENSIONS: Extensions = new Map();

function staple({ ocspResponse }: Credential): Extensions {
  return ocspResponse === undefined
    ? NO_EXTENSIONS
    : new Map([[EXTENSION.status_request as number, encodeOcspResponse(ocspResponse)]]);
}
