import { type Bytes, EMPTY } from '../../../src/core/bytes.ts';
import { encodeU16 } from '../../../src/engine/codec/extensions.ts';
import { encodeServerHello } from '../../../src/engine/codec/messages.ts';
import { EXTENSION } from '../../../src/engine/codec/registry.ts';
import type { ClientConfig } from '../../../src/engine/config.ts';
import type { Ticket } from '../../../src/engine/connection.ts';
import { encodeEchConfigList } from '../../../src/engine/ech/config.ts';
import { heldEchKey } from '../ech-keys.ts';
import type { ServerScript } from '../scripted-server.ts';
import { type Attack, type Attacks, changedHello, withExtensions } from './attack.ts';

const HELD = heldEchKey('held');
const { encrypted_client_hello: ECH } = EXTENSION;
const LIST = encodeEchConfigList([HELD.config.encoded]);
const SEALED: Partial<ClientConfig> = { ech: [HELD.config] };
const GREASE: Partial<ClientConfig> = { ech: 'grease' };

const encrypted = (body: Bytes): ServerScript => ({ encryptedExtensions: new Map([[ECH, body]]) });
const retry = (body: Bytes): ServerScript => ({
  retry: { group: 'secp256r1' },
  helloRetryRequest: (hello) => encodeServerHello(withExtensions(hello, [ECH, body])),
});

/** Of an earlier connection, where it was accepted. */
const TICKET: Ticket = {
  version: 'TLSv1.3',
  ticket: new Uint8Array(40),
  resumptionSecret: new Uint8Array(32),
  suite: 'TLS_AES_128_GCM_SHA256',
  group: 'x25519',
  signatureScheme: 'ecdsa_secp256r1_sha256',
  lifetimeSeconds: 60,
  ageAdd: 0,
  receivedAtMs: 1_700_000_000_000,
  serverName: 'localhost',
  alpn: null,
  certificatePolicy: '',
  peer: {
    verified: true,
    matched: [],
    subject: '',
    spkiSha256: '',
    certificateSha256: '',
    notAfterSeconds: 4_102_444_800,
  },
};

/** What a server without the key for it can do wrong about Encrypted Client Hello, RFC 9849 section 6; it knows the outer ClientHello alone. */
export const ECH_ATTACKS: Attacks = {
  'a server that does not know what is sealed': { why: 'ech-rejected', config: SEALED },
  'the same, with other configs': { why: 'ech-rejected', config: SEALED, script: encrypted(LIST) },
  'the same, with configs of a version that nobody knows': {
    why: 'ech-rejected',
    config: SEALED,
    script: encrypted(Uint8Array.of(0, 5, 0xba, 0xdd, 0, 1, 0)),
  },
  'the same, after a HelloRetryRequest': {
    why: 'ech-rejected',
    config: SEALED,
    script: { retry: { group: 'secp256r1' } },
  },
  'a HelloRetryRequest with another confirmation': {
    why: 'ech-rejected',
    config: SEALED,
    script: retry(new Uint8Array(8)),
  },
  'a public name that is not proved': {
    why: 'certificate-unknown-issuer',
    config: SEALED,
    script: encrypted(LIST),
    verifier: () => ({
      answer: 'refused',
      failure: { kind: 'certificate-rejected', why: 'certificate-unknown-issuer' },
    }),
  },
  'a Finished that is wrong, behind other configs': {
    why: 'bad-finished',
    config: SEALED,
    script: { ...encrypted(LIST), finished: (whole) => whole.map((byte, index) => (index > 3 ? byte ^ 1 : byte)) },
  },
  ...both('a confirmation of seven bytes', 'decode-error', retry(new Uint8Array(7))),
  ...both('configs that end too early', 'decode-error', encrypted(LIST.subarray(0, -1))),
  ...both('an empty list of configs', 'decode-error', encrypted(Uint8Array.of(0, 0))),
  ...both('no list of configs', 'decode-error', encrypted(EMPTY)),
  ...both(
    'encrypted_client_hello in ServerHello',
    'misplaced-extension',
    changedHello((hello) => withExtensions(hello, [ECH, new Uint8Array(8)])),
  ),
  ...both(
    'a ticket that was not offered outside',
    'unsolicited-extension',
    changedHello((hello) => withExtensions(hello, [EXTENSION.pre_shared_key, encodeU16(0)])),
  ),
  'a ticket that was offered inside alone': {
    why: 'illegal-parameter',
    config: { ...SEALED, session: TICKET },
    script: changedHello((hello) => withExtensions(hello, [EXTENSION.pre_shared_key, encodeU16(0)])),
  },
  'configs that were not asked for': { why: 'unsolicited-extension', config: { ech: null }, script: encrypted(LIST) },
  'a confirmation that was not asked for': {
    why: 'unsolicited-extension',
    config: { ech: null },
    script: retry(new Uint8Array(8)),
  },
};

/** Whether it meant something or not. */
function both(name: string, why: Attack['why'], script: ServerScript): Attacks {
  return {
    [`${name}, of what was sealed`]: { why, config: SEALED, script },
    [`${name}, of GREASE`]: { why, config: GREASE, script },
  };
}
