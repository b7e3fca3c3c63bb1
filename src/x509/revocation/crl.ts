import { type Bytes, equal } from '../../core/bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import { contextConstructed, contextPrimitive, DerError, DerReader, dottedOid, TAG } from '../der.ts';
import { readName } from '../distinguished-name.ts';
import { readDistributionPointName } from '../distribution-points.ts';
import { EXTENSION, type ReadExtension, readAuthorityKeyIdentifier, readExtensionList } from '../extensions.ts';
import type { GeneralName } from '../general-names.ts';
import type { Signed } from '../signed.ts';
import { readTime, type UnixSeconds } from '../time.ts';
import { RevokedCertificates, type RevokedEntry } from './revoked-certificates.ts';

/** What a list is about, RFC 5280 section 5.2.5: all certificates of its issuer, or some. */
export interface RevocationScope {
  /** The list is for the certificates that name one of these in their cRLDistributionPoints. Undefined: for all. */
  readonly names: readonly GeneralName[] | undefined;
  readonly certificates: 'all' | 'user' | 'ca' | 'attribute';
  /** Revocations for other reasons are in another list. */
  readonly someReasons: boolean;
}

/**
 * A CRL of version 2, RFC 5280 section 5: read completely, nothing of it verified. The entries stay as they are in `der`; a look-up
 * takes the same time however many there are. What we could not honour is not read: lists that only say what has changed (delta),
 * lists of other issuers' certificates (indirect), critical extensions that we do not know.
 */
export class RevocationList implements Signed {
  readonly der: Bytes;
  readonly signed: Bytes;
  readonly signatureAlgorithm: Bytes;
  readonly signature: Bytes;
  /** Name with tag and length. */
  readonly issuer: Bytes;
  readonly thisUpdate: UnixSeconds;
  readonly nextUpdate: UnixSeconds;
  readonly scope: RevocationScope;
  /** Undefined where the list does not say which of its issuer's keys has signed it. */
  readonly keyIdentifier: Bytes | undefined;
  readonly #revoked: RevokedCertificates;
  /** The key that was tried last, and whether it has signed the list: it may be large, and asked for often. */
  #tried: { readonly spki: Bytes; readonly valid: boolean } | undefined;

  /** @throws DerError also for lists that are well-formed and not usable */
  constructor(der: Bytes) {
    if (der.length > LIMITS.revocationListBytes)
      throw new DerError(`longer than ${LIMITS.revocationListBytes} bytes`, 'CertificateList', 0);
    const list = DerReader.whole(der, TAG.sequence, '');
    const tbs = list.enter(TAG.sequence, 'tbsCertList');
    this.der = der;
    this.signed = tbs.encoding;
    this.signatureAlgorithm = list.element(TAG.sequence, 'signatureAlgorithm');
    this.signature = list.octetAlignedBits('signature');
    list.finish();

    if (tbs.peekTag() !== TAG.integer || tbs.smallInteger('version', 1) !== 1) tbs.fail('not of version 2');
    const at = tbs.offset;
    if (!equal(tbs.element(TAG.sequence, 'signature'), this.signatureAlgorithm))
      tbs.fail('not the algorithm that stands outside of what is signed', at, 'signature');
    this.issuer = readName(tbs, 'issuer');
    this.thisUpdate = readTime(tbs, 'thisUpdate');
    if (tbs.peekTag() !== TAG.utcTime && tbs.peekTag() !== TAG.generalizedTime) tbs.fail('no nextUpdate');
    this.nextUpdate = readTime(tbs, 'nextUpdate');
    if (this.nextUpdate < this.thisUpdate) tbs.fail('nextUpdate before thisUpdate');
    const { from, to } = readRevoked(tbs);
    this.#revoked = new RevokedCertificates(der, from, to);
    const explicit = tbs.enter(contextConstructed(0), 'crlExtensions');
    const { scope, keyIdentifier } = readListExtensions(explicit.enter(TAG.sequence, ''));
    explicit.finish();
    tbs.finish();
    this.scope = scope;
    this.keyIdentifier = keyIdentifier;
  }

  /** The entry of the certificate with that serial number (contents of the INTEGER), or undefined if there is none. */
  find(serialNumber: Bytes): RevokedEntry | undefined {
    return this.#revoked.find(serialNumber);
  }

  /** How many entries there are. */
  get size(): number {
    return this.#revoked.size;
  }

  /** Whether that key has signed it; `check` is asked once for each key in a row. */
  signedBy(spki: Bytes, check: () => boolean): boolean {
    if (this.#tried === undefined || !equal(this.#tried.spki, spki)) this.#tried = { spki, valid: check() };
    return this.#tried.valid;
  }
}

/** Where the entries lie in the source. An empty list is left out (section 5.1.2.6). */
function readRevoked(tbs: DerReader): { readonly from: number; readonly to: number } {
  const at = tbs.offset;
  if (tbs.peekTag() !== TAG.sequence) return { from: at, to: at };
  const entries = tbs.contents(TAG.sequence, 'revokedCertificates');
  if (entries.length === 0) tbs.fail('empty', at, 'revokedCertificates');
  return { from: tbs.offset - entries.length, to: tbs.offset };
}

const CRL_NUMBER = '551d14';
const DELTA_CRL_INDICATOR = '551d1b';
const ISSUING_DISTRIBUTION_POINT = '551d1c';

/** Section 5.2: a CRL number is there, and not critical. */
function readListExtensions(list: DerReader): { scope: RevocationScope; keyIdentifier: Bytes | undefined } {
  let scope: RevocationScope = { names: undefined, certificates: 'all', someReasons: false };
  let keyIdentifier: Bytes | undefined;
  const readers: Readonly<Record<string, ReadExtension>> = {
    [CRL_NUMBER]: (value) => {
      const at = value.offset;
      const number = value.integer('cRLNumber');
      if ((number[0] as number) >= 0x80 || number.length > 20) value.fail('not a CRL number', at);
    },
    [DELTA_CRL_INDICATOR]: (value) => value.fail('a delta CRL, which says only what has changed'),
    [ISSUING_DISTRIBUTION_POINT]: (value) => {
      scope = readScope(value.enter(TAG.sequence, 'issuingDistributionPoint'));
    },
    [EXTENSION.authorityKeyIdentifier]: (value) => {
      const identifier = readAuthorityKeyIdentifier(value.enter(TAG.sequence, 'authorityKeyIdentifier'));
      ({ keyIdentifier } = identifier);
    },
  };
  const critical = readExtensionList(list, (id, isCritical) => {
    if (isCritical && id !== ISSUING_DISTRIBUTION_POINT && id !== DELTA_CRL_INDICATOR)
      list.fail(`the extension ${dottedOid(id)} is critical`);
    return readers[id];
  });
  if (!critical.has(CRL_NUMBER)) list.fail('no CRL number');
  return { scope, keyIdentifier };
}

/** Section 5.2.5. */
function readScope(fields: DerReader): RevocationScope {
  if (fields.empty) fields.fail('empty');
  const names = readDistributionPointName(fields);
  const flag = (number: number, name: string): boolean => {
    if (fields.peekTag() !== contextPrimitive(number)) return false;
    if (!fields.boolean(name, contextPrimitive(number))) fields.fail(`${name}: FALSE is the default, and left out`);
    return true;
  };
  const [user, ca] = [flag(1, 'onlyContainsUserCerts'), flag(2, 'onlyContainsCACerts')];
  const someReasons = fields.peekTag() === contextPrimitive(3);
  if (someReasons) fields.namedBits('onlySomeReasons', contextPrimitive(3));
  if (flag(4, 'indirectCRL')) fields.fail('an indirect CRL, which lists certificates of other issuers');
  const attribute = flag(5, 'onlyContainsAttributeCerts');
  fields.finish();
  if (Number(user) + Number(ca) + Number(attribute) > 1) fields.fail('more than one kind of certificates alone');
  return { names, certificates: user ? 'user' : ca ? 'ca' : attribute ? 'attribute' : 'all', someReasons };
}
