import type { Bytes } from '../../core/bytes.ts';
import { TlsError } from '../../core/failures.ts';
import { LIMITS } from '../../core/limits.ts';
import { ByteWriter } from '../../core/writer.ts';
import { TLS13_SUITES, tls13SuiteByCodePoint } from '../../crypto/cipher-suites.ts';
import { HASH_BYTES } from '../../crypto/hkdf.ts';
import { groupByCodePoint, NAMED_GROUPS } from '../../crypto/named-groups.ts';
import type { NamedGroup } from '../../crypto/provider.ts';
import { Transcript } from '../../crypto/transcript.ts';
import { decodeWhole, malformed } from '../codec/decode.ts';
import { type Extensions, encodeCookie, encodeU16 } from '../codec/extensions.ts';
import { type ClientHello, encodeServerHello } from '../codec/messages.ts';
import { EXTENSION, HELLO_RETRY_REQUEST_RANDOM, VERSION } from '../codec/registry.ts';
import type { SuiteName } from '../config.ts';
import type { EchStatus } from '../connection.ts';
import { retryConfirmation } from '../ech/confirmation.ts';
import { CONFIRMATION_BYTES } from '../ech/extension.ts';
import { type Action, type Event, expectAnswer, NO_SECRETS, type Step } from '../machine.ts';
import { RULES } from '../record/incoming.ts';
import { SEALED_FORMAT } from './session-terms.ts';
import type { AwaitCookie, AwaitCookieOpening, Retried, ServerContext, ServerState } from './states.ts';

/** A client without a share of `group` is asked for one (RFC 8446 section 4.1.4). */
export function sendRetry(
  context: ServerContext,
  hello: ClientHello,
  clientHello: Bytes,
  fixed: Pick<Retried, 'suite' | 'group' | 'session' | 'ech' | 'opened'>,
  earlyData: boolean,
): Step<ServerState> {
  const { config, crypto } = context;
  const { sessionId } = hello;
  const { hash } = TLS13_SUITES[fixed.suite];
  const actions: Action[] = [{ action: 'apply-rules', rules: RULES.handshake13 }];
  if (earlyData) actions.push({ action: 'skip-early-data', records: 'encrypted' });
  // RFC 9849 section 7.1.1: without what opened this ClientHello the next cannot be opened, nor a cookie in it be found.
  if (config.statelessRetry && fixed.ech !== 'accepted') {
    const issuedAtSeconds = Math.floor(config.now() / 1000);
    const { suite, group } = fixed;
    const plaintext = encodeCookieContent({ suite, group, issuedAtSeconds, helloHash: crypto.hash(hash, clientHello) });
    actions.push({ action: 'ask', effect: { effect: 'seal-ticket', purpose: 'cookie', plaintext } });
    return { state: { state: 'await-cookie', secrets: NO_SECRETS, sessionId, suite, group }, actions };
  }
  const transcript = Transcript.afterRetry(crypto, hash, clientHello);
  const request = retryRequest(sessionId, fixed.suite, fixed.group, echExtension(context, fixed.ech));
  if (fixed.ech === 'accepted') confirm(context, hello, transcript, request);
  transcript.add(request);
  return {
    state: {
      state: 'expect-client-hello',
      secrets: fixed.session === null ? NO_SECRETS : { psk: fixed.session.secret },
      retried: { ...fixed, hello, transcript, fromCookie: false },
      awaitsCookie: false,
    },
    actions: [...actions, ...sent(request)],
  };
}

/** The request goes out, and nothing of the client stays behind. */
export function onCookieSealed(_context: ServerContext, state: AwaitCookie, event: Event): Step<ServerState> {
  const { ticket } = expectAnswer(event, 'ticket-sealed');
  const { sessionId, suite, group } = state;
  return {
    state: { state: 'expect-client-hello', secrets: NO_SECRETS, retried: null, awaitsCookie: true },
    actions: sent(retryRequest(sessionId, suite, group, cookieExtension(ticket))),
  };
}

/** What our HelloRetryRequest fixed, out of the cookie that it gave (section 4.2.2). @throws TlsError for one that is not ours */
export function retriedByCookie(
  { config, crypto }: ServerContext,
  { hello, cookie, ech }: AwaitCookieOpening,
  event: Event,
): Retried {
  const { plaintext } = expectAnswer(event, 'ticket-opened');
  const content = plaintext === null ? null : decodeCookieContent(plaintext);
  if (content === null) throw new TlsError('illegal-parameter', 'the cookie is not ours');
  const { suite, group, issuedAtSeconds, helloHash } = content;
  // Another server with the same keys may have given it, which speaks what is off here.
  if (!config.suites.includes(suite) || !config.groups.includes(group))
    throw new TlsError('illegal-parameter', `the cookie is for ${suite} and ${group}`);
  const ageSeconds = config.now() / 1000 - issuedAtSeconds;
  if (ageSeconds < 0 || ageSeconds > LIMITS.cookieLifetimeSeconds)
    throw new TlsError('illegal-parameter', 'the cookie is too old');
  const transcript = Transcript.afterRetryOf(crypto, TLS13_SUITES[suite].hash, helloHash);
  transcript.add(retryRequest(hello.sessionId, suite, group, cookieExtension(cookie)));
  return { hello, suite, group, transcript, session: null, fromCookie: true, ech, opened: null };
}

/** Appendix D.4: a change_cipher_spec makes middleboxes believe that this is TLS 1.2. */
function sent(request: Bytes): Action[] {
  return [{ action: 'send', message: request }, { action: 'send-change-cipher-spec' }];
}

/** RFC 9849 sections 7.1 and 7.2.1: a confirmation that is yet to be made, or what nobody can tell from one. */
function echExtension({ crypto }: ServerContext, ech: EchStatus): Extensions {
  const { encrypted_client_hello: code } = EXTENSION;
  if (ech === 'accepted') return new Map([[code, new Uint8Array(CONFIRMATION_BYTES)]]);
  return ech === 'rejected' ? new Map([[code, crypto.randomBytes(CONFIRMATION_BYTES)]]) : new Map();
}

/** RFC 9849 section 7.2.1. @param request whose last extension it is */
function confirm({ crypto }: ServerContext, { random }: ClientHello, transcript: Transcript, request: Bytes): void {
  const part = request.subarray(request.length - CONFIRMATION_BYTES);
  part.set(retryConfirmation(crypto, random, transcript, request, part));
}

function cookieExtension(cookie: Bytes): Extensions {
  return new Map([[EXTENSION.cookie, encodeCookie(cookie)]]);
}

/** @param more its other extensions */
function retryRequest(sessionId: Bytes, suite: SuiteName, group: NamedGroup, more: Extensions): Bytes {
  const extensions = new Map<number, Bytes>([
    [EXTENSION.supported_versions, encodeU16(VERSION.tls13)],
    [EXTENSION.key_share, encodeU16(NAMED_GROUPS[group].codePoint)],
    ...more,
  ]);
  return encodeServerHello({
    legacyVersion: VERSION.tls12,
    random: HELLO_RETRY_REQUEST_RANDOM,
    sessionId,
    cipherSuite: TLS13_SUITES[suite].codePoint,
    compressionMethod: 0,
    extensions,
  });
}

/** What a HelloRetryRequest leaves to its cookie. */
export interface CookieContent {
  readonly suite: SuiteName;
  readonly group: NamedGroup;
  readonly issuedAtSeconds: number;
  /** Of the first ClientHello, by the suite's hash. */
  readonly helloHash: Bytes;
}

/** The format, suite, group, time and hash. */
export function encodeCookieContent({ suite, group, issuedAtSeconds, helloHash }: CookieContent): Bytes {
  return new ByteWriter(64)
    .u8(SEALED_FORMAT)
    .u16(TLS13_SUITES[suite].codePoint)
    .u16(NAMED_GROUPS[group].codePoint)
    .u32(issuedAtSeconds)
    .vector8(helloHash)
    .finish();
}

/** Null for what is sealed, but is no cookie of this format. */
export function decodeCookieContent(plaintext: Bytes): CookieContent | null {
  try {
    return decodeWhole('cookie', plaintext, (reader) => {
      if (reader.u8() !== SEALED_FORMAT) malformed('cookie');
      const suite = tls13SuiteByCodePoint(reader.u16());
      const group = groupByCodePoint(reader.u16());
      const issuedAtSeconds = reader.u32();
      const helloHash = reader.vector8();
      if (suite === undefined || group === undefined) malformed('cookie');
      if (helloHash.length !== HASH_BYTES[TLS13_SUITES[suite].hash]) malformed('cookie');
      return { suite, group, issuedAtSeconds, helloHash };
    });
  } catch (error) {
    if (error instanceof TlsError) return null;
    throw error;
  }
}
