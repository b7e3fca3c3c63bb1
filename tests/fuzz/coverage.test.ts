import { expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { TARGETS } from './targets.ts';

const ROOT = resolve(import.meta.dir, '../..');

/** Parsers that no target calls by name, and the target that gets to them. */
const REACHED_BY: Readonly<Record<string, string>> = {
  decodeWhole: 'handshake messages',
  readItems: 'handshake messages',
  readExtensions: 'handshake messages',
  decodeTerms: 'tickets, and what is sealed in them and in cookies',
  readClientOffer: 'a ClientHello',
  readClientHello: 'what is sealed in a ClientHello, read',
  readEch: 'what is sealed in a ClientHello, by a server',
  readSecondEch: 'a conversation with Encrypted Client Hello, heard by a server',
  readCertificate: 'a conversation of TLS 1.3, heard by a client',
  readCertificateVerify: 'a conversation of TLS 1.3, heard by a client',
  readGeneralNames: 'certificates',
  readGeneralName: 'certificates',
  readTime: 'certificates',
  readName: 'certificates',
  readSignatureAlgorithm: 'certificates',
  parseSpkiDigest: 'names to verify',
  decodeUtf8: 'certificates',
  decodeBmp: 'certificates',
  decodeUniversal: 'certificates',
  readExtensionList: 'certificates',
  readAuthorityKeyIdentifier: 'certificates',
  readDistributionPoints: 'certificates',
  readDistributionPointName: 'certificates',
  readCertificateRequest: 'a conversation of TLS 1.3, heard by a client',
  readOcspResponse: 'OCSP responses: nothing but the real ones shows that a certificate is good',
  readReason: 'revocation lists: read or refused, and believed only if they are the real ones',
};

/** Those that read what the user has written for this run, or what libssl says of itself. */
const OF_THE_USER: readonly string[] = [
  'parseOptions',
  'parseConnect',
  'parseCheck',
  'readChainFile',
  'parseSslClient',
  'parseEchList',
  'readEchConfigs',
  'parseOpenssl',
  'parseIpEndpoint',
  'readIndex',
  'readExplicitSource',
  'readDefaultStore',
  'readFacts',
  'readWhole',
  'readRevocationLists',
  'readPrivateKey',
];

/** `export function decodeX`, and the like. */
function parsersIn(text: string): string[] {
  return [...text.matchAll(/^export (?:async )?function ((?:decode|read|parse)[A-Z]\w*)/gm)].map(
    ([, name]) => name as string,
  );
}

function withoutTarget(sources: readonly string[], targets: string): string[] {
  const names = sources.flatMap(parsersIn);
  const isNamed = (name: string) => new RegExp(`\\b${name}\\b`).test(targets);
  return names.filter((name) => !isNamed(name) && !Object.hasOwn(REACHED_BY, name) && !OF_THE_USER.includes(name));
}

const SOURCES = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
  .map((path) => readFileSync(join(ROOT, 'src', path), 'utf8'));
const TARGET_FILES = readdirSync(import.meta.dir)
  .filter((file) => file.includes('target'))
  .map((file) => readFileSync(join(import.meta.dir, file), 'utf8'))
  .join('\n');

test('every parser of outside bytes has its fuzz target', () => {
  expect(SOURCES.flatMap(parsersIn).length).toBeGreaterThan(40);
  expect(withoutTarget(SOURCES, TARGET_FILES)).toEqual([]);
});

test('the targets that are named for parsers are there, and so are the parsers', () => {
  for (const target of Object.values(REACHED_BY)) expect(Object.keys(TARGETS)).toContain(target);
  const parsers = SOURCES.flatMap(parsersIn);
  for (const name of [...Object.keys(REACHED_BY), ...OF_THE_USER]) expect(parsers).toContain(name);
});

test('a parser without a target is noticed', () => {
  expect(withoutTarget(['export function decodePlanted(): void {}'], TARGET_FILES)).toEqual(['decodePlanted']);
});
