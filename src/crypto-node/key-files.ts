import { createPrivateKey, type KeyObject } from 'node:crypto';

/** The private key in a file: the first one in PEM (PKCS#8, SEC 1 or PKCS#1), or one of these in DER. The caller overwrites the file. */
export function readPrivateKey(file: Uint8Array): KeyObject | 'no-key' | 'encrypted' | 'unreadable' {
  const text = Buffer.from(file.buffer, file.byteOffset, file.byteLength).toString('latin1');
  const pem = /-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----[^-]+(?:-[^-]+)*-----END \1-----/.exec(text)?.[0];
  if (pem === undefined) return file[0] === DER_SEQUENCE ? readDer(file) : 'no-key';
  if (/ENCRYPTED/.test(pem)) return 'encrypted';
  try {
    return createPrivateKey(pem);
  } catch {
    return 'unreadable';
  }
}

/** DER does not say which of the three it is. */
function readDer(file: Uint8Array): KeyObject | 'unreadable' {
  const key = Buffer.from(file);
  try {
    for (const type of ['pkcs8', 'sec1', 'pkcs1'] as const) {
      try {
        return createPrivateKey({ key, format: 'der', type });
      } catch {}
    }
    return 'unreadable';
  } finally {
    key.fill(0);
  }
}

const DER_SEQUENCE = 0x30;
