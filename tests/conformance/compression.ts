import { type Bytes, concat } from '../../src/core/bytes.ts';
import type { CertificateCompression, CryptoProvider } from '../../src/crypto/provider.ts';
import { NodeCrypto, nodeCrypto } from '../../src/crypto-node/provider.ts';
import { CERTIFICATE_COMPRESSION } from '../../src/engine/codec/registry.ts';
import type { CompressedChain, Credential } from '../../src/engine/connection.ts';
import { certificateBody } from '../../src/engine/own-certificate.ts';

interface TestCompression {
  readonly codePoint: number;
  compress(body: Bytes): Bytes;
  decompress(compressed: Bytes): Bytes;
}

/** The runner's three algorithms, best first: not those of these names, but in their place. */
const TEST_COMPRESSIONS: Readonly<Record<CertificateCompression, TestCompression>> = {
  /** `expanding` */
  brotli: {
    codePoint: 0xff02,
    compress: (body) => concat(Uint8Array.of(1, 2, 3, 4), body),
    decompress: (compressed) => compressed.slice(4),
  },
  /** `shrinking`: every Certificate message begins with two zeros. */
  zlib: {
    codePoint: 0xff01,
    compress: (body) => body.slice(2),
    decompress: (compressed) => concat(Uint8Array.of(0, 0), compressed),
  },
  /** `random` */
  zstd: {
    codePoint: 0xff03,
    compress: (body) => concat(nodeCrypto.randomBytes(1), body),
    decompress: (compressed) => compressed.slice(1),
  },
};

const NAMES = Object.keys(TEST_COMPRESSIONS) as CertificateCompression[];

/** The one with the runner's code point, or all of them. */
export function testCompressions(codePoint: number | undefined): CertificateCompression[] {
  return NAMES.filter((name) => codePoint === undefined || TEST_COMPRESSIONS[name].codePoint === codePoint);
}

/** The provider with these instead of its own, under code points that are the runner's from now on. */
export function withTestCompressions(): CryptoProvider {
  const codePoints = NAMES.map((name) => [name, TEST_COMPRESSIONS[name].codePoint]);
  Object.assign(CERTIFICATE_COMPRESSION, Object.fromEntries(codePoints));
  return new TestCompressionCrypto();
}

class TestCompressionCrypto extends NodeCrypto {
  override readonly certificateCompressions: readonly CertificateCompression[] = NAMES;

  override decompress(algorithm: CertificateCompression, compressed: Bytes, maximumBytes: number): Bytes {
    const body = TEST_COMPRESSIONS[algorithm].decompress(compressed);
    if (body.length > maximumBytes) throw new RangeError('decompress');
    return body;
  }
}

/** Ahead of time, as the engine wants it. */
export function compressedForms(
  credential: Credential,
  algorithms: readonly CertificateCompression[],
): CompressedChain[] {
  return algorithms.flatMap((algorithm) =>
    [false, true].map((stapled) => {
      const body = certificateBody(credential, stapled);
      const compressed = TEST_COMPRESSIONS[algorithm].compress(body);
      return { algorithm, stapled, uncompressedBytes: body.length, compressed };
    }),
  );
}
