import { type Bytes, equal } from '../../src/core/bytes.ts';
import { BadMessage } from '../../src/keys/wire/bad-message.ts';
import { decodeReply, encodeReply } from '../../src/keys/wire/replies.ts';
import { decodeRequest, encodeRequest } from '../../src/keys/wire/requests.ts';
import type { Target } from './target.ts';

const HASH = new Uint8Array(32).fill(1);
const SIGN = { request: 'sign', number: 1, handshake: 1, key: 'k', scheme: 'ed25519' } as const;
const PARAMETERS = Uint8Array.of(3, 0, 29, 32, ...HASH);

/** Both ends of the channel between a session process and the holder of its keys: one spelling for each message. */
export const KEY_TARGETS: Readonly<Record<string, Target>> = {
  'requests to the holder of the keys': {
    seeds: [
      encodeRequest({ ...SIGN, content: { version: 'TLSv1.3', role: 'server', transcriptHash: HASH } }),
      encodeRequest({
        ...SIGN,
        content: {
          version: 'TLSv1.2',
          role: 'server',
          clientRandom: HASH,
          serverRandom: HASH,
          parameters: PARAMETERS,
        },
      }),
      encodeRequest({ ...SIGN, content: { version: 'TLSv1.2', role: 'client', handshakeMessages: HASH } }),
      encodeRequest({ request: 'seal-ticket', number: 2, purpose: 'ticket', plaintext: HASH }),
      encodeRequest({ request: 'open-ticket', number: 3, purpose: 'cookie', ticket: HASH }),
      encodeRequest({
        request: 'open-ech',
        number: 4,
        key: 'e',
        aead: 'aes-128-gcm',
        encapsulated: HASH,
        sequence: 0,
        associatedData: HASH,
        payload: HASH,
      }),
    ],
    runs: 20_000,
    run: (input) => oneSpelling(input, decodeRequest, encodeRequest),
  },
  'replies of the holder of the keys': {
    seeds: [
      encodeReply({ reply: 'signed', number: 1, signature: HASH }),
      encodeReply({ reply: 'sealed', number: 2, ticket: HASH }),
      encodeReply({ reply: 'opened', number: 3, plaintext: null }),
      encodeReply({ reply: 'ech-opened', number: 4, encodedInner: HASH }),
      encodeReply({ reply: 'refused', number: 5, why: 'unavailable' }),
    ],
    runs: 20_000,
    run: (input) => oneSpelling(input, decodeReply, encodeReply),
  },
};

function oneSpelling<Message>(
  input: Bytes,
  decode: (message: Bytes) => Message,
  encode: (message: Message) => Bytes,
): void {
  let message: Message;
  try {
    message = decode(input);
  } catch (error) {
    if (error instanceof BadMessage) return;
    throw error;
  }
  if (!equal(encode(message), input)) throw new Error('another spelling');
}
