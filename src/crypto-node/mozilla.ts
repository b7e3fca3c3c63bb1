/**
 * The CAs of Mozilla's programme for TLS servers, each in PEM, as this version of the runtime has them built in. It says neither until when
 * Mozilla trusts what one of them issues (CKA_NSS_SERVER_DISTRUST_AFTER) nor to which names it may be restricted. Loaded when it is asked
 * for: most runs need none of it.
 */
export function mozillaRoots(): readonly string[] {
  const { rootCertificates }: typeof import('node:tls') = process.getBuiltinModule('node:tls');
  return rootCertificates;
}
