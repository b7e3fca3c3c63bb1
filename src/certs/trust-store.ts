import { type Bytes, equal } from '../core/bytes.ts';
import type { TrustAnchor, TrustAnchors } from '../x509/path.ts';
import { type AnchorIndex, buildIndex, certificateAt, ENTRY, hashSubject } from './anchor-index.ts';
import { cacheFolder, readIndex, writeIndex } from './index-cache.ts';
import { builtInSource, readDefaultStore, readExplicitSource, type Source, TrustStoreError } from './sources.ts';

/** Which CAs to trust. */
export interface TrustStoreOptions {
  /** `--ca`: files and folders. */
  readonly ca: readonly string[];
  /** Whether the default store counts: not with `--no-system-ca`. */
  readonly system: boolean;
  /** The CAs of Mozilla's store, each in PEM, which a process has without any file; none by default. */
  readonly mozilla?: readonly string[];
  /** SSL_CERT_FILE, SSL_CERT_DIR, XDG_CACHE_HOME and HOME are read from it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

interface Anchor extends TrustAnchor {
  readonly subject: Bytes;
  readonly origin: Source['origin'];
}

/**
 * The trusted CAs. Opening reads all files, as they are, into memory and finds their index; no certificate is decoded before one with its
 * subject is asked for, and after opening no file is touched any more.
 */
export class TrustStore implements TrustAnchors {
  readonly #sources: readonly Source[];
  #index: AnchorIndex;
  #isOwnIndex: boolean;
  readonly #decoded = new Map<string, Anchor>();

  private constructor(sources: readonly Source[], index: AnchorIndex, isOwnIndex: boolean) {
    this.#sources = sources;
    this.#index = index;
    this.#isOwnIndex = isOwnIndex;
  }

  /** @throws TrustStoreError for a store that is missing, unreadable, malformed or empty */
  static open({ ca, system, mozilla = [], environment }: TrustStoreOptions): TrustStore {
    const sources: Source[] = [];
    for (const path of ca) sources.push(...readExplicitSource(path));
    if (system) sources.push(...readDefaultStore(environment));
    if (mozilla.length > 0) sources.push(builtInSource(mozilla));
    if (sources.length === 0)
      throw new TrustStoreError(null, 'no CA is trusted: name at least one with --ca, or leave out --no-system-ca');
    return TrustStore.of(sources, cacheFolder(environment));
  }

  /** The same for sources that were read already; `cache` is the folder for the index, `null` for none. @throws TrustStoreError */
  static of(sources: readonly Source[], cache: string | null): TrustStore {
    const cached = cache === null ? undefined : readIndex(cache, sources);
    const index = cached ?? buildIndex(sources);
    if (index.length === 0) {
      const path = sources[0]?.path ?? null;
      throw new TrustStoreError(path, `${path} has no certificates (PEM, or one in DER)`);
    }
    if (cached === undefined && cache !== null) writeIndex(cache, sources, index);
    return new TrustStore(sources, index, cached === undefined);
  }

  /** How many certificates there are. */
  get size(): number {
    return this.#index.length / ENTRY.length;
  }

  bySubject(subject: Bytes): readonly TrustAnchor[] {
    const anchors = this.#find(subject);
    if (anchors !== undefined) return anchors;
    // Only a foreign index leads astray; one of our own is as good as the sources.
    this.#index = buildIndex(this.#sources);
    this.#isOwnIndex = true;
    return this.#find(subject) ?? [];
  }

  /** Undefined if the index points to something that is not there. */
  #find(subject: Bytes): readonly TrustAnchor[] | undefined {
    const index = this.#index;
    const hash = hashSubject(subject);
    const anchors: Anchor[] = [];
    for (let at = index.indexOf(hash); at !== -1; at = index.indexOf(hash, at + 1)) {
      if (at % ENTRY.length !== ENTRY.subjectHash) continue;
      const anchor = this.#anchorAt(at);
      if (anchor === undefined) {
        if (!this.#isOwnIndex) return undefined;
      } else if (equal(anchor.subject, subject)) anchors.push(anchor);
    }
    const inStore = (der: Bytes): boolean =>
      anchors.some((other) => other.origin === 'system' && equal(other.der, der));
    return anchors.filter(({ origin, der }) => origin !== 'local' || inStore(der));
  }

  #anchorAt(at: number): Anchor | undefined {
    const [number, from, to] = this.#index.subarray(at + ENTRY.source, at + ENTRY.length) as unknown as [
      number,
      number,
      number,
    ];
    const key = `${number} ${from} ${to}`;
    const known = this.#decoded.get(key);
    if (known !== undefined) return known;
    const source = this.#sources[number];
    const certificate = source === undefined ? undefined : certificateAt(source, from, to);
    if (source === undefined || certificate === undefined) return undefined;
    const { origin } = source;
    const anchor: Anchor = { ...certificate, origin, profile: origin === 'system' ? 'public' : 'private' };
    this.#decoded.set(key, anchor);
    return anchor;
  }
}
