import { decodeIndex, encodeIndex } from '../../src/certs/anchor-index.ts';
import type { Source } from '../../src/certs/sources.ts';
import { parseAlpn, parseDescriptor, parseReference } from '../../src/commands/connect-options.ts';
import { failureMessage } from '../../src/commands/messages.ts';
import { UsageError } from '../../src/commands/options.ts';
import { failedLine } from '../../src/commands/status.ts';
import { formatTarget, parseTarget, toAscii } from '../../src/commands/target.ts';
import { type Bytes, concat, equal, latin1 } from '../../src/core/bytes.ts';
import { TlsError } from '../../src/core/failures.ts';
import { formatIpAddress, parseIpAddress } from '../../src/core/ip-address.ts';
import { decodeAddress, encodeAddress } from '../../src/os/addresses.ts';
import { AF } from '../../src/os/constants.ts';
import { decodeAnswer } from '../../src/os/resolver.ts';
import { parseClientRule } from '../../src/x509/clients.ts';
import { formatReference, InvalidIdentifier, parseReferenceIdentifier } from '../../src/x509/names.ts';
import type { Target } from './target.ts';

const V4 = encodeAddress({ family: 'ip', address: Uint8Array.of(192, 0, 2, 1), port: 443, scope: 0 });
const V6 = encodeAddress({ family: 'ip', address: new Uint8Array(16).fill(1), port: 443, scope: 2 });
const answer = (address: Bytes) => concat(Uint8Array.of(0, address.length), address);

const SOURCES: readonly Source[] = [
  { path: 'store', bytes: Buffer.alloc(0), identity: 'an identity', origin: 'explicit' },
];
const INDEX = encodeIndex(Uint32Array.of(1, 2, 3, 4, 5, 6, 7, 8), SOURCES);

/** What others than the peer hand us: name servers, files of caches, people. */
export const SURROUNDING_TARGETS: Readonly<Record<string, Target>> = {
  'answers of a look-up: addresses of the family and port that were asked for': {
    seeds: [answer(V4), answer(V6), concat(answer(V4), V4.slice(0, 0)), Uint8Array.of(2)],
    runs: 20_000,
    run: (input) => {
      for (const family of ['ipv4', 'ipv6'] as const) {
        const result = decodeAnswer(input, family, 443);
        if (!result.ok) continue;
        for (const address of result.addresses)
          if (
            address.family !== 'ip' ||
            address.port !== 443 ||
            address.address.length !== (family === 'ipv4' ? 4 : 16)
          )
            throw new Error('an address that was not asked for');
      }
    },
  },
  'addresses of sockets': {
    seeds: [V4, V6, encodeAddress({ family: 'unix', path: '/run/x' }), Uint8Array.of(AF.UNIX, 0)],
    runs: 20_000,
    run: (input) => {
      const address = decodeAddress(input);
      if (address?.family !== 'ip') return;
      const again = decodeAddress(encodeAddress(address));
      if (JSON.stringify(again) !== JSON.stringify(address)) throw new Error('another address');
    },
  },
  'the cached index of a store': {
    seeds: [new Uint8Array(INDEX)],
    runs: 20_000,
    run: (input) => {
      const index = decodeIndex(Buffer.from(input), SOURCES);
      if (index !== undefined && !equal(encodeIndex(index, SOURCES), input)) throw new Error('another index');
    },
  },
  'addresses as text': {
    seeds: ['192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1', '::', 'fe80::1'].map(bytesOf),
    runs: 20_000,
    run: (input) => {
      const address = parseIpAddress(latin1(input));
      if (address === null) return;
      const again = parseIpAddress(formatIpAddress(address));
      if (again === null || !equal(again, address)) throw new Error('another address');
    },
  },
  'words of the command line': {
    seeds: ['example.com:443', '[2001:db8::1]:993', '[fe80::1%eth0]:1', 'https://example.com/', 'h2,http/1.1', '3'].map(
      bytesOf,
    ),
    runs: 20_000,
    run: (input) => {
      const text = new TextDecoder().decode(input);
      allowed([UsageError], () => {
        const target = parseTarget(text);
        const again = parseTarget(formatTarget(target));
        if (JSON.stringify(again) !== JSON.stringify(target)) throw new Error('another target');
      });
      for (const parse of [parseReference, parseAlpn, parseDescriptor]) allowed([UsageError], () => parse(text));
    },
  },
  'names to verify': {
    seeds: [
      'dns:a.test',
      'ip:::1',
      'email:a@b.test',
      `spki-sha256:${'00'.repeat(32)}`,
      'bücher.test',
      'any',
      'ca:spki-sha256:00',
    ].map(bytesOf),
    runs: 20_000,
    run: (input) => {
      const text = new TextDecoder().decode(input);
      allowed([InvalidIdentifier], () => parseClientRule(text, toAscii));
      allowed([InvalidIdentifier], () => {
        const reference = parseReferenceIdentifier(text, toAscii);
        const again = parseReferenceIdentifier(formatReference(reference), toAscii);
        if (formatReference(again) !== formatReference(reference)) throw new Error('another name');
      });
    },
  },
  "what a peer's words become in messages and status lines": {
    seeds: ['the peer began with "220 hi"', 'CN=a', '\x1b[31m', 'ü'].map(bytesOf),
    runs: 20_000,
    run: (input) => {
      const { failure } = new TlsError('not-tls', new TextDecoder().decode(input));
      const line = JSON.stringify(failedLine(failure));
      if (line.includes('\n') || JSON.parse(line).detail !== failure.detail) throw new Error('not one line');
      if (/[\p{Cc}\p{Cf}]/u.test(failureMessage(failure, 'a.test').replaceAll('\n', '')))
        throw new Error('unfit for a terminal');
    },
  },
};

function bytesOf(text: string): Bytes {
  return new TextEncoder().encode(text);
}

function allowed(kinds: readonly (new (...parameters: never[]) => Error)[], run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!kinds.some((kind) => error instanceof kind)) throw error;
  }
}
