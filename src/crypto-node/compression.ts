import type { Bytes } from '../core/bytes.ts';
import type { CertificateCompression } from '../crypto/provider.ts';
import { own } from './runtime.ts';

/**
 * RFC 8879 section 4. On the calling thread: the process may be confined to one.
 * @throws RangeError when the result would exceed `maximumBytes` or the input is not valid; memory stays bounded in both cases.
 */
export function decompress(algorithm: CertificateCompression, compressed: Bytes, maximumBytes: number): Bytes {
  try {
    return own(DECOMPRESS[algorithm](compressed, { maxOutputLength: maximumBytes }));
  } catch {
    throw new RangeError(`${algorithm}: not valid, or more than ${maximumBytes} bytes`);
  }
}

/** Best first; both runtimes have all. */
export const CERTIFICATE_COMPRESSIONS: readonly CertificateCompression[] = ['zstd', 'brotli', 'zlib'];

type Decompressor = (compressed: Bytes, options: { readonly maxOutputLength: number }) => Uint8Array;

/** A zstd frame may ask for a window of 128 MiB; RFC 8878 section 3.1.1.1.2 recommends to support 8 MiB. */
const ZSTD_WINDOW_LOG_MAXIMUM = 23;

const DECOMPRESS: Record<CertificateCompression, Decompressor> = {
  zlib: (compressed, options) => zlib().inflateSync(compressed, options),
  brotli: (compressed, options) => zlib().brotliDecompressSync(compressed, options),
  zstd: (compressed, options) =>
    zlib().zstdDecompressSync(compressed, {
      ...options,
      params: { [zlib().constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAXIMUM },
    }),
};

/** Loaded at its first use. Node has no `require` in an ES module, and in Bun the first `getBuiltinModule` takes 5 ms. */
function zlib(): typeof import('node:zlib') {
  return typeof Bun === 'undefined' ? process.getBuiltinModule('node:zlib') : require('node:zlib');
}
