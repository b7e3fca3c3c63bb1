import { ascii, type Bytes, concat, latin1 } from '../../core/bytes.ts';
import { ByteWriter } from '../../core/writer.ts';
import {
  HPKE_AEADS,
  HPKE_HKDF_SHA256,
  HPKE_KEMS,
  type HpkeAead,
  type HpkeGroup,
  hpkeAeadByCodePoint,
  hpkeGroupByCodePoint,
} from '../../crypto/hpke.ts';
import type { AeadAlgorithm, CryptoProvider } from '../../crypto/provider.ts';
import { decodeWhole, malformed, readItems } from '../codec/decode.ts';
import { type Extensions, readExtensions, writeExtensions } from '../codec/extensions.ts';
import { EXTENSION } from '../codec/registry.ts';

/** A KDF and an AEAD of HPKE, as code points: known or not. */
export interface HpkeSuite {
  readonly kdf: number;
  readonly aead: number;
}

/** The contents of an ECHConfig of version 0xfe0d (RFC 9849 section 4). */
export interface EchConfigContents {
  /** 0 to 255. */
  readonly configId: number;
  /** A code point: known or not. */
  readonly kem: number;
  readonly publicKey: Bytes;
  readonly suites: readonly HpkeSuite[];
  /** The longest name that the server expects, for padding; 0 if it does not say. */
  readonly maximumNameBytes: number;
  /** One Latin-1 character a byte; whether it is a host name is for {@link chooseEchConfig} to say. */
  readonly publicName: string;
  readonly extensions: Extensions;
}

/** An ECHConfig with its encoding, to which HPKE binds what is sealed for it. */
export interface EchConfig extends EchConfigContents {
  readonly encoded: Bytes;
}

/**
 * An ECHConfigList, as it stands in DNS and in EncryptedExtensions.
 * @returns those of the version that we know, in their order, which is the server's preference
 * @throws TlsError decode-error; also for a defect in a config that could not be used
 */
export function decodeEchConfigList(list: Bytes): readonly EchConfig[] {
  return decodeWhole('ECHConfigList', list, (reader) => {
    const configs = readItems(reader, reader.vector16(), (item) => {
      const version = item.u16();
      return { version, contents: item.vector16() };
    });
    if (configs.length === 0) malformed('ECHConfigList');
    return configs.filter(({ version }) => version === VERSION).map(({ contents }) => decodeContents(contents));
  });
}

/** An ECHConfigList of encoded configs, best first. */
export function encodeEchConfigList(configs: readonly Bytes[]): Bytes {
  return new ByteWriter().vector16(concat(...configs)).finish();
}

/** A single ECHConfig, as it stands in a list. @throws TlsError decode-error, also for another version */
export function decodeEchConfig(encoded: Bytes): EchConfig {
  return decodeWhole('ECHConfig', encoded, (reader) => {
    if (reader.u16() !== VERSION) malformed('ECHConfig');
    return decodeContents(reader.vector16());
  });
}

/** @throws RangeError for what is too long */
export function encodeEchConfig(contents: EchConfigContents): Bytes {
  return new ByteWriter()
    .u16(VERSION)
    .vector16((body) => {
      body.u8(contents.configId).u16(contents.kem).vector16(contents.publicKey);
      body.vector16((list) => {
        for (const { kdf, aead } of contents.suites) list.u16(kdf).u16(aead);
      });
      body
        .u8(contents.maximumNameBytes)
        .vector8(Uint8Array.from(contents.publicName, (letter) => letter.charCodeAt(0)));
      writeExtensions(body, contents.extensions);
    })
    .finish();
}

/** The version has the code point of the extension. */
const VERSION = EXTENSION.encrypted_client_hello;

function decodeContents(contents: Bytes): EchConfig {
  return decodeWhole('ECHConfig', contents, (reader) => {
    const configId = reader.u8();
    const kem = reader.u16();
    const publicKey = reader.vector16().slice();
    const suites = readItems(reader, reader.vector16(), (item) => ({ kdf: item.u16(), aead: item.u16() }));
    const maximumNameBytes = reader.u8();
    const publicName = latin1(reader.vector8());
    const extensions = readExtensions(reader, 'decode-error');
    if (publicKey.length === 0 || suites.length === 0 || publicName.length === 0) malformed('ECHConfig');
    const encoded = new ByteWriter(contents.length + 4).u16(VERSION).vector16(contents).finish();
    return { encoded, configId, kem, publicKey, suites, maximumNameBytes, publicName, extensions };
  });
}

/** A config that we can seal for, and with what. */
export interface ChosenEchConfig {
  readonly config: EchConfig;
  readonly group: HpkeGroup;
  readonly aead: HpkeAead;
}

/**
 * RFC 9849 sections 4.2, 6.1 and 6.1.7: the first that we can use, with what the provider does best of its suites. Those with a
 * mandatory extension, a public name that is none, an unknown KEM, or a key that cannot be of it are passed over.
 */
export function chooseEchConfig(
  configs: readonly EchConfig[],
  crypto: Pick<CryptoProvider, 'groups' | 'aeads'>,
): ChosenEchConfig | null {
  for (const config of configs) {
    const group = hpkeGroupByCodePoint(config.kem);
    if (group === undefined || !crypto.groups.includes(group) || hasMandatoryExtension(config)) continue;
    if (config.publicKey.length !== HPKE_KEMS[group].encapsulatedBytes || !isPublicName(config.publicName)) continue;
    const offered = config.suites.map(aeadOf);
    const aead = crypto.aeads.filter(isHpkeAead).find((candidate) => offered.includes(candidate));
    if (aead !== undefined) return { config, group, aead };
  }
  return null;
}

/** Undefined for a suite that we do not have. */
export function aeadOf({ kdf, aead }: HpkeSuite): HpkeAead | undefined {
  return kdf === HPKE_HKDF_SHA256 ? hpkeAeadByCodePoint(aead) : undefined;
}

/** As it stands in configs and in the extension. */
export function suiteOf(aead: HpkeAead): HpkeSuite {
  return { kdf: HPKE_HKDF_SHA256, aead: HPKE_AEADS[aead] };
}

function isHpkeAead(aead: AeadAlgorithm): aead is HpkeAead {
  return aead in HPKE_AEADS;
}

/** Section 4.2: none is known, and those with the high bit are not to be ignored. */
function hasMandatoryExtension({ extensions }: EchConfig): boolean {
  return [...extensions.keys()].some((type) => (type & 0x8000) !== 0);
}

/** Section 6.1.7: a host name of LDH labels, which nobody takes for an IPv4 address. */
export function isPublicName(name: string): boolean {
  const labels = name.split('.');
  if (!labels.every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(label))) return false;
  return !/^(?:[0-9]+|0x[0-9a-f]*)$/i.test(labels.at(-1) as string);
}

/** Section 6.1: the `info` of HPKE. */
export function echInfo({ encoded }: Pick<EchConfig, 'encoded'>): Bytes {
  return concat(INFO_LABEL, encoded);
}

const INFO_LABEL = ascii('tls ech\0');
