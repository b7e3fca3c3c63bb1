import { readWhole, reasonOf } from '../certs/files.ts';
import type { Bytes } from '../core/bytes.ts';
import { TlsError } from '../core/failures.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { chooseEchConfig, decodeEchConfigList, type EchConfig } from '../engine/ech/config.ts';
import { UsageError } from './options.ts';
import { Refused } from './refused.ts';

/** The value of `--ech`: an ECHConfigList (RFC 9849 section 4), or the file that has it, in base64 too. */
export type EchList = { readonly configs: readonly EchConfig[] } | { readonly path: string };

/** @param text base64, as behind `ech=` in an HTTPS record of DNS (RFC 9848), or `@FILE`. @throws UsageError */
export function parseEchList(text: string): EchList {
  if (text === '@') throw new UsageError('no file is named behind the @');
  if (text.startsWith('@')) return { path: text.slice(1) };
  try {
    return { configs: decodeText(text) };
  } catch (error) {
    if (error instanceof UnfitList) throw new UsageError(error.message, WHAT_IS_WANTED);
    throw error;
  }
}

const WHAT_IS_WANTED = 'give what stands behind ech= in the HTTPS record of the name, or @FILE; see `tlsify help ech`';

/**
 * The configurations of `list`, one of which at least can be used: before anything is dialled, so that the name is never sent for
 * want of them. @throws Refused
 */
export function readEchConfigs(list: EchList, crypto: Pick<CryptoProvider, 'groups' | 'aeads'>): readonly EchConfig[] {
  const configs = 'configs' in list ? list.configs : readFile(list.path);
  if (chooseEchConfig(configs, crypto) !== null) return configs;
  const where = 'configs' in list ? '' : `${list.path}: `;
  throw unusable(`${where}none of its configurations is one that tlsify can use`);
}

function readFile(path: string): readonly EchConfig[] {
  let text: string;
  try {
    text = readWhole(path, FILE_BYTES).bytes.toString('latin1');
  } catch (error) {
    throw unusable(`cannot read ${path}: ${reasonOf(error)}`);
  }
  try {
    return decodeText(text);
  } catch (error) {
    throw error instanceof UnfitList ? unusable(`${path}: ${error.message}`) : error;
  }
}

/** The largest list has 2 + 2^16 - 1 bytes: 87,384 characters, and newlines. */
const FILE_BYTES = 98_304;

/** Whitespace between the characters, as of lines, does no harm. */
function decodeText(text: string): readonly EchConfig[] {
  return decodeList(decodeBase64(text));
}

function decodeBase64(text: string): Bytes {
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: 'strict' });
  } catch {
    throw new UnfitList('not base64');
  }
}

function decodeList(list: Bytes): readonly EchConfig[] {
  try {
    return decodeEchConfigList(list);
  } catch (error) {
    if (error instanceof TlsError) throw new UnfitList('not an ECHConfigList');
    throw error;
  }
}

class UnfitList extends Error {
  override readonly name = 'UnfitList';
}

function unusable(detail: string): Refused {
  return new Refused({ kind: 'configuration', why: 'ech-list-unusable', detail });
}
