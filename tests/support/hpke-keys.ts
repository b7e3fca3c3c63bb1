import { createECDH, createPrivateKey, type KeyObject } from 'node:crypto';
import type { Bytes } from '../../src/core/bytes.ts';
import type { HpkeGroup } from '../../src/crypto/hpke.ts';

/** A serialized private key (RFC 9180 section 7.1.2) as a key of the runtime. */
export function hpkePrivateKey(group: HpkeGroup, serialized: Bytes): KeyObject {
  if (group === 'x25519')
    return createPrivateKey({
      key: Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), serialized]),
      format: 'der',
      type: 'pkcs8',
    });
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(serialized);
  const point = ecdh.getPublicKey();
  const [d, x, y] = [serialized, point.subarray(1, 33), point.subarray(33)].map((part) =>
    Buffer.from(part).toString('base64url'),
  ) as [string, string, string];
  return createPrivateKey({ key: { kty: 'EC', crv: 'P-256', d, x, y }, format: 'jwk' });
}
