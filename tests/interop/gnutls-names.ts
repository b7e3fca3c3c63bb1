/** GnuTLS takes the cipher and the key exchange apart; the second follows from the certificate. */
export function gnutlsCipher(suite: string): string {
  return suite
    .replace(/^TLS_(.*_WITH_)?/, '')
    .replace(/_SHA\d+$/, '')
    .replaceAll('_', '-');
}

/** By the registry's names, for priority strings. */
export const GNUTLS_GROUPS: Readonly<Record<string, string>> = {
  x25519: 'GROUP-X25519',
  secp256r1: 'GROUP-SECP256R1',
  secp384r1: 'GROUP-SECP384R1',
  secp521r1: 'GROUP-SECP521R1',
};
