import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { rootCertificates } from 'node:tls';
import { authority, type TestCertificate } from '../../tests/support/certificates.ts';
import { tlv } from '../../tests/support/der-writer.ts';
import { concat, equal } from '../core/bytes.ts';
import { Certificate } from '../x509/certificate.ts';
import { DerReader } from '../x509/der.ts';
import { formatName } from '../x509/distinguished-name.ts';
import { readPublicKey } from '../x509/public-key.ts';
import { checkPublicProfile } from '../x509/public-profile.ts';
import { buildIndex, certificateAt, decodeIndex, ENTRY, encodeIndex, hashSubject } from './anchor-index.ts';
import { cacheFolder, readIndex } from './index-cache.ts';
import { CERTIFICATE, decodeBlock, findBlocks } from './pem.ts';
import { readDefaultStore, readExplicitSource, type Source, TrustStoreError } from './sources.ts';
import { TrustStore } from './trust-store.ts';

const SCRATCH = mkdtempSync(join(tmpdir(), 'tlsify-trust-store-'));
after(() => rmSync(SCRATCH, { recursive: true }));

const [ROOT, OTHER, TWIN] = [authority('Root'), authority('Other'), authority('Root')];
let files = 0;

function folder(): string {
  const path = join(SCRATCH, `folder-${files++}`);
  mkdirSync(path);
  return path;
}

function write(contents: string | Uint8Array, name = 'ca.pem', into = folder()): string {
  const path = join(into, name);
  writeFileSync(path, contents);
  return path;
}

/** A store of these files alone, with a cache of its own unless one is given. */
function open(ca: readonly string[], cache: string = folder()): TrustStore {
  return TrustStore.open({ ca, system: false, environment: { XDG_CACHE_HOME: cache } });
}

function found(store: TrustStore, { subject }: TestCertificate): Uint8Array[] {
  return store.bySubject(subject).map(({ der }) => der);
}

function fails(ca: readonly string[], message: RegExp): void {
  assert.throws(
    () => open(ca),
    (error) => error instanceof TrustStoreError && message.test(error.message),
  );
}

describe('sources', () => {
  test('a PEM file of several, found by their subjects, two of the same name too', () => {
    const store = open([write(`${ROOT.pem}\n# other\n${OTHER.pem}${TWIN.pem}`)]);
    assert.equal(store.size, 3);
    assert.deepEqual(found(store, ROOT), [ROOT.der, TWIN.der]);
    assert.deepEqual(found(store, OTHER), [OTHER.der]);
    assert.deepEqual(found(store, authority('Nobody')), []);
    assert.equal(store.bySubject(OTHER.subject)[0]?.profile, 'private');
    assert.equal(store.bySubject(OTHER.subject)[0], store.bySubject(OTHER.subject)[0]);
  });

  test('one certificate in DER', () => {
    assert.deepEqual(found(open([write(ROOT.der)]), ROOT), [ROOT.der]);
  });

  test('several files', () => {
    const store = open([write(ROOT.pem), write(OTHER.der)]);
    assert.deepEqual([found(store, ROOT), found(store, OTHER)], [[ROOT.der], [OTHER.der]]);
  });

  test('a folder: certificates by their endings, keys passed over', () => {
    const path = folder();
    write(ROOT.pem, 'a.crt', path);
    write(OTHER.der, 'b.cer', path);
    write(ROOT.key.privatePem, 'key.pem', path);
    write('not read', 'README', path);
    const store = open([path]);
    assert.equal(store.size, 2);
    assert.deepEqual(found(store, OTHER), [OTHER.der]);
  });

  test('a folder with hashed names: those, and not again the files that they stand for', () => {
    const path = folder();
    write(ROOT.pem, 'root.pem', path);
    write(OTHER.pem, 'not-hashed.pem', path);
    symlinkSync('root.pem', join(path, '0123abcd.0'));
    const store = open([path]);
    assert.equal(store.size, 1);
    assert.deepEqual(found(store, ROOT), [ROOT.der]);
  });

  test('SSL_CERT_FILE and SSL_CERT_DIR stand for the default store, and are taken as explicit', () => {
    const [file, directory] = [write(ROOT.pem), folder()];
    write(OTHER.pem, 'other.pem', directory);
    const openDefault = (environment: Record<string, string>) => TrustStore.open({ ca: [], system: true, environment });
    assert.deepEqual(found(openDefault({ SSL_CERT_FILE: file }), ROOT), [ROOT.der]);
    assert.equal(openDefault({ SSL_CERT_FILE: file }).size, 1);
    assert.deepEqual(found(openDefault({ SSL_CERT_DIR: `${directory}:` }), OTHER), [OTHER.der]);
    assert.equal(openDefault({ SSL_CERT_FILE: file, SSL_CERT_DIR: directory }).size, 2);
    assert.equal(openDefault({ SSL_CERT_FILE: file }).bySubject(ROOT.subject)[0]?.profile, 'private');
    assert.throws(() => openDefault({ SSL_CERT_FILE: join(directory, 'none') }), /cannot read .*no such file/);
    assert.throws(() => openDefault({ SSL_CERT_DIR: folder() }), /SSL_CERT_DIR .* has no certificates/);
  });

  test('what the administrator added to the store of the system is private, and only what is in the store', () => {
    const [local, bundle] = [folder(), write(ROOT.pem + OTHER.pem)];
    write(OTHER.pem, 'other.crt', local);
    write(TWIN.pem, 'not-in-the-bundle.crt', local);
    symlinkSync('nowhere', join(local, 'dangling.crt'));
    const store = TrustStore.of(readDefaultStore({}, [{ bundle, local }]), null);
    const profiles = ({ subject }: TestCertificate) => store.bySubject(subject).map(({ profile }) => profile);
    assert.deepEqual(profiles(ROOT), ['public']);
    assert.deepEqual(profiles(OTHER), ['public', 'private']);
  });

  test('without a bundle, the folder with hashed names', () => {
    const path = folder();
    write(ROOT.pem, '0123abcd.0', path);
    symlinkSync('nowhere', join(path, '0123abcd.1'));
    const missing = join(path, 'none');
    const store = TrustStore.of(readDefaultStore({}, [{ bundle: missing, local: missing, folder: path }]), null);
    assert.deepEqual(
      store.bySubject(ROOT.subject).map(({ profile }) => profile),
      ['public'],
    );
    assert.throws(
      () => readDefaultStore({}, [{ bundle: missing, local: missing }]),
      /install the package ca-certificates/,
    );
  });

  test('failures name the path and what is wrong', () => {
    fails([join(SCRATCH, 'none.pem')], /cannot read the certificates in .*none\.pem: there is no such file/);
    fails([write('')], /cannot use .*ca\.pem: no certificate in it/);
    fails([write(ROOT.key.privatePem)], /no certificate in it/);
    fails([folder()], /has no certificates/);
    fails(['/dev/null'], /cannot read the certificates in .*: it is not a file$/);
    const fifo = join(folder(), 'fifo.pem');
    execFileSync('mkfifo', [fifo]);
    fails([fifo], /cannot read the certificates in .*: it is not a file$/);
    fails([write(`${ROOT.pem}-----BEGIN CERTIFICATE-----\nAAAA`)], /line \d+: a certificate that does not end/);
    fails([write(ROOT.pem.replace(/\n./, '\n!'))], /line 2 is not base64/);
    fails([write(`\n${ROOT.pem.replace(/\n./, '\nX')}`)], /the certificate in line 3 is malformed/);
    fails([write(ROOT.der.subarray(0, 200))], /malformed/);
    fails([], /no CA is trusted/);
  });

  test('a file that may not be read', () => {
    const path = write(ROOT.pem);
    chmodSync(path, 0);
    if (process.geteuid?.() === 0) assert.equal(open([path]).size, 1);
    else fails([path], /permission denied/);
  });
});

describe('the index in the cache', () => {
  const indexOf = (cache: string): string => join(cache, 'tlsify', readdirSync(join(cache, 'tlsify'))[0] ?? '');

  test('is written once, for its owner alone, and used', () => {
    const [cache, path] = [folder(), write(ROOT.pem + OTHER.pem)];
    open([path], cache);
    assert.equal(statSync(join(cache, 'tlsify')).mode & 0o777, 0o700);
    assert.equal(statSync(indexOf(cache)).mode & 0o777, 0o600);
    assert.deepEqual(readIndex(join(cache, 'tlsify'), readExplicitSource(path)), buildIndex(readExplicitSource(path)));
    const written = statSync(indexOf(cache), { bigint: true }).ino;
    assert.deepEqual(found(open([path], cache), OTHER), [OTHER.der]);
    assert.equal(statSync(indexOf(cache), { bigint: true }).ino, written);
  });

  test('is made anew when its source changed, even to the same size and time', () => {
    const [cache, path] = [folder(), write(ROOT.pem + OTHER.pem)];
    const { atime, mtime } = statSync(path);
    open([path], cache);
    const before = readFileSync(indexOf(cache));
    writeFileSync(path, `${OTHER.pem}${ROOT.pem}`);
    utimesSync(path, atime, mtime);
    assert.deepEqual([found(open([path], cache), ROOT), found(open([path], cache), OTHER)], [[ROOT.der], [OTHER.der]]);
    assert.notDeepEqual(readFileSync(indexOf(cache)), before);
  });

  test('is not needed', () => {
    const path = write(ROOT.pem);
    const cache = write('a file where the folder should be');
    assert.deepEqual(found(open([path], cache), ROOT), [ROOT.der]);
    const store = TrustStore.open({ ca: [path], system: false, environment: {} });
    assert.deepEqual(found(store, ROOT), [ROOT.der]);
  });

  test('is not read where others may write', () => {
    const [cache, path] = [folder(), write(ROOT.pem)];
    open([path], cache);
    const [own, index, sources] = [join(cache, 'tlsify'), indexOf(cache), readExplicitSource(path)];
    assert.notEqual(readIndex(own, sources), undefined);
    chmodSync(index, 0o622);
    assert.equal(readIndex(own, sources), undefined);
    chmodSync(index, 0o600);
    chmodSync(own, 0o777);
    assert.equal(readIndex(own, sources), undefined);
    chmodSync(own, 0o700);
    const [link, file] = [join(folder(), 'tlsify'), join(folder(), 'index')];
    symlinkSync(own, link);
    assert.equal(readIndex(link, sources), undefined);
    writeFileSync(file, readFileSync(index), { mode: 0o600 });
    rmSync(index);
    symlinkSync(file, index);
    assert.equal(readIndex(own, sources), undefined);
  });

  test('is not made in the place of another user', () => {
    const path = write(ROOT.pem);
    const isRoot = process.geteuid?.() === 0;
    // Whoever is not root can give nothing away; but the folder of temporary files is root's.
    const [foreign, own] = [isRoot ? folder() : '/tmp', folder()];
    const home = join(foreign, isRoot ? 'home' : `tlsify-home-${process.pid}`);
    if (isRoot) chownSync(foreign, 65_534, 65_534);
    TrustStore.open({ ca: [path], system: false, environment: { HOME: home } });
    assert.equal(existsSync(home), false);
    if (!isRoot) return;
    // A link of theirs to a folder of ours; a link of ours to a folder of theirs.
    for (const [link, target, owner] of [
      [join(foreign, '.cache'), own, 65_534],
      [join(own, '.cache'), foreign, 0],
    ] as const) {
      symlinkSync(target, link);
      lchownSync(link, owner, owner);
      TrustStore.open({ ca: [path], system: false, environment: { XDG_CACHE_HOME: link } });
      assert.equal(existsSync(join(target, 'tlsify')), false);
    }
  });

  test('leaves nothing half-written behind', () => {
    const [cache, path] = [folder(), write(ROOT.pem)];
    open([path], cache);
    assert.equal(readdirSync(join(cache, 'tlsify')).length, 1);
  });

  test('drops what nobody has read for a month, what is more than 32, and nothing else', () => {
    const cache = folder();
    const own = join(cache, 'tlsify');
    mkdirSync(own, { mode: 0o700 });
    const put = (name: string, ageDays: number) => {
      const path = write('', name, own);
      const seconds = Date.now() / 1000 - ageDays * 86_400;
      utimesSync(path, seconds, seconds);
    };
    const hexadecimal = (index: number) => index.toString(16).padStart(8, '0');
    for (let index = 0; index < 40; index++) put(`anchors-${hexadecimal(index)}`, index / 2);
    const others = ['anchors-old', 'notes', 'anchors-0000000g', 'anchors-00000000.lock'];
    for (const name of others) put(name, 400);
    put('anchors-ffffffff', 31);
    put('anchors-fffffffe.4711', 31);
    open([write(ROOT.pem)], cache);
    const left = readdirSync(own).filter((name) => !others.includes(name));
    assert.equal(left.length, 32);
    for (let index = 0; index < 31; index++) assert.ok(left.includes(`anchors-${hexadecimal(index)}`), `${index}`);
    for (const name of others) assert.ok(existsSync(join(own, name)), name);
  });

  test('keeps what was read lately, however old it is', () => {
    const cache = folder();
    open([write(ROOT.pem)], cache);
    const first = indexOf(cache);
    const seconds = Date.now() / 1000;
    utimesSync(first, seconds - 86_400, seconds - 90 * 86_400);
    open([write(OTHER.pem)], cache);
    assert.ok(existsSync(first));
    utimesSync(first, seconds - 31 * 86_400, seconds - 90 * 86_400);
    open([write(TWIN.pem)], cache);
    assert.ok(!existsSync(first));
  });

  test('is dropped by many at once without a failure', async () => {
    const cache = folder();
    const own = join(cache, 'tlsify');
    mkdirSync(own, { mode: 0o700 });
    for (let index = 0; index < 500; index++)
      utimesSync(write('', `anchors-${index.toString(16).padStart(8, '0')}`, own), 1, 1);
    const indexCache = join(import.meta.dirname, 'index-cache.ts');
    const sources = readExplicitSource(write(ROOT.pem));
    const script = `
      import { writeIndex } from ${JSON.stringify(indexCache)};
      import { buildIndex } from ${JSON.stringify(join(import.meta.dirname, 'anchor-index.ts'))};
      import { readExplicitSource } from ${JSON.stringify(join(import.meta.dirname, 'sources.ts'))};
      const sources = readExplicitSource(${JSON.stringify(sources[0]?.path)});
      writeIndex(${JSON.stringify(own)}, sources, buildIndex(sources));`;
    const path = write(script, 'writer.ts');
    const codes = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const child = spawn(process.execPath, [path], { stdio: 'inherit' });
        return (await once(child, 'exit'))[0] as number | null;
      }),
    );
    assert.deepEqual(codes, [0, 0, 0, 0]);
    assert.equal(readdirSync(own).length, 1);
    assert.notEqual(readIndex(own, sources), undefined);
  });

  test('has its place in the cache of the user', () => {
    assert.equal(cacheFolder({ XDG_CACHE_HOME: '/c', HOME: '/h' }), '/c/tlsify');
    assert.equal(cacheFolder({ XDG_CACHE_HOME: 'relative', HOME: '/h' }), '/h/.cache/tlsify');
    assert.equal(cacheFolder({ XDG_CACHE_HOME: '', HOME: '' }), null);
    assert.equal(existsSync('/c/tlsify'), false);
  });
});

describe('a hostile index', () => {
  /** Base64 of a certificate in a comment, and a private key: neither is a CA. */
  const text = `${ROOT.pem}# ${Buffer.from(TWIN.der).toString('base64')}\n${ROOT.key.privatePem}${OTHER.pem}`;
  const path = write(text);
  const sources = readExplicitSource(path);
  const honest = buildIndex(sources);

  function withIndex(index: Uint32Array | Buffer): TrustStore {
    const cache = folder();
    open([path], cache);
    const own = join(cache, 'tlsify');
    const file = join(own, readdirSync(own)[0] as string);
    writeFileSync(file, Buffer.isBuffer(index) ? index : encodeIndex(index, sources), { mode: 0o600 });
    return open([path], cache);
  }

  function entry(subject: Uint8Array, source: number, from: number, to: number): Uint32Array {
    return Uint32Array.of(hashSubject(subject), source, from, to);
  }

  test('makes no anchor of what is not one, and the real ones are found all the same', () => {
    const at = text.indexOf('# ') + 2;
    const [start, end] = [honest[ENTRY.from] as number, honest[ENTRY.to] as number];
    const places = [
      [0, at, at + 4 * Math.ceil(TWIN.der.length / 3)],
      [0, start + 65, end],
      [0, start, end - 65],
      [0, 0, text.length],
      [0, 0xffffffff, 0xffffffff],
      [0, end, start],
      [7, start, end],
    ] as const;
    for (const [source, from, to] of places) {
      const store = withIndex(entry(TWIN.subject, source, from, to));
      assert.deepEqual(found(store, TWIN), [ROOT.der], `${source} ${from} ${to}`);
      assert.deepEqual(found(store, OTHER), [OTHER.der]);
    }
  });

  test('gives no certificate for another subject', () => {
    const stranger = authority('Stranger');
    const store = withIndex(entry(stranger.subject, 0, honest[ENTRY.from] as number, honest[ENTRY.to] as number));
    assert.deepEqual(found(store, stranger), []);
  });

  test('is not used at all when it is cut off, too long, or of other sources', () => {
    const file = encodeIndex(honest, sources);
    for (let length = 0; length < file.length; length++)
      assert.equal(decodeIndex(file.subarray(0, length), sources), undefined, `${length} bytes`);
    assert.equal(decodeIndex(Buffer.concat([file, Buffer.of(0)]), sources), undefined);
    assert.deepEqual(decodeIndex(file, sources), honest);
    const [source] = sources as [Source];
    assert.equal(decodeIndex(file, [{ ...source, identity: `${source.identity}0` }]), undefined);
    assert.equal(decodeIndex(file, [source, source]), undefined);
    assert.equal(decodeIndex(file, []), undefined);
    for (const byte of [0, 16, 20, 23]) {
      const altered = Buffer.from(file);
      altered[byte] = (altered[byte] as number) ^ 0xff;
      assert.equal(decodeIndex(altered, sources), undefined, `byte ${byte}`);
    }
  });
});

describe('the store of the system', () => {
  const environment = { XDG_CACHE_HOME: folder() };
  const sources = readDefaultStore(environment);
  const index = buildIndex(sources);
  const certificates: Certificate[] = [];
  for (let at = 0; at < index.length; at += ENTRY.length) {
    const [number, from, to] = index.subarray(at + ENTRY.source, at + ENTRY.length) as unknown as [
      number,
      number,
      number,
    ];
    const found = certificateAt(sources[number] as Source, from, to);
    assert.ok(found !== undefined);
    certificates.push(new Certificate(found.der));
  }

  test('has every certificate read, with a key that we accept, and each encodes back to itself', () => {
    assert.ok(certificates.length > 50, `${certificates.length}`);
    for (const { der, subject, spki } of certificates) {
      assert.ok(readPublicKey(spki).bits >= 255, formatName(subject));
      assert.deepEqual(encode(DerReader.over(der, '')), der);
    }
  });

  test("so has Mozilla's, as the runtime brings it along", () => {
    assert.ok(rootCertificates.length > 50, `${rootCertificates.length}`);
    for (const pem of rootCertificates) {
      const file = Buffer.from(`${pem}\n`);
      const [block] = findBlocks(file, CERTIFICATE);
      const der = block === undefined ? undefined : decodeBlock(file, block, CERTIFICATE);
      assert.ok(der !== undefined, pem);
      const certificate = new Certificate(der);
      checkPublicProfile(certificate, 'anchor');
      assert.ok(readPublicKey(certificate.spki).bits >= 255, formatName(certificate.subject));
      assert.deepEqual(encode(DerReader.over(der, '')), der);
    }
  });

  test('has no root that the public profile would refuse', () => {
    for (const certificate of certificates) checkPublicProfile(certificate, 'anchor');
  });

  test('finds each by its subject', () => {
    const store = TrustStore.open({ ca: [], system: true, environment });
    for (const { der, subject } of certificates)
      assert.ok(
        store.bySubject(subject).some((anchor) => equal(anchor.der, der)),
        formatName(subject),
      );
  });
});

/** Reads values, however deep, and writes them anew. */
function encode(reader: DerReader): Uint8Array {
  const parts: Uint8Array[] = [];
  while (!reader.empty) {
    const tag = reader.peekTag();
    parts.push((tag & 0x20) === 0 ? tlv(tag, reader.contents(tag)) : tlv(tag, encode(reader.enter(tag))));
  }
  return concat(...parts);
}

test("Mozilla's store: indexed like any other, its CAs public, each found by its subject", () => {
  const cache = join(SCRATCH, 'mozilla');
  const environment = { XDG_CACHE_HOME: cache };
  for (const time of ['first', 'second']) {
    const store = TrustStore.open({ ca: [], system: false, mozilla: rootCertificates, environment });
    assert.equal(store.size, rootCertificates.length, time);
    for (const pem of rootCertificates) {
      const der = new Uint8Array(Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64'));
      const found = store.bySubject(new Certificate(der).subject).find((anchor) => equal(anchor.der, der));
      assert.equal(found?.profile, 'public');
    }
  }
  assert.equal(readdirSync(join(cache, 'tlsify')).length, 1);
});
