import { sign } from 'node:crypto';
import { ALERT, alertName } from '../../src/core/alerts.ts';
import { type Bytes, concat, EMPTY } from '../../src/core/bytes.ts';
import { TLS13_SUITES, type Tls13SuiteName } from '../../src/crypto/cipher-suites.ts';
import { groupByCodePoint, NAMED_GROUPS } from '../../src/crypto/named-groups.ts';
import type { NamedGroup } from '../../src/crypto/provider.ts';
import { SIGNATURE_SCHEMES } from '../../src/crypto/signature-schemes.ts';
import { signedBytes } from '../../src/crypto/signed-content.ts';
import { Transcript } from '../../src/crypto/transcript.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import {
  decodeKeyShares,
  type Extensions,
  encodeCookie,
  encodeKeyShareEntry,
  encodeU16,
} from '../../src/engine/codec/extensions.ts';
import {
  type CertificateMessage,
  type CertificateVerify,
  type ClientHello,
  decodeClientHello,
  encodeCertificate,
  encodeCertificateVerify,
  encodeEncryptedExtensions,
  encodeFinished,
  encodeKeyUpdate,
  encodeServerHello,
  type ServerHello,
} from '../../src/engine/codec/messages.ts';
import {
  CONTENT_TYPE,
  EXTENSION,
  HANDSHAKE_TYPE,
  HELLO_RETRY_REQUEST_RANDOM,
  VERSION,
} from '../../src/engine/codec/registry.ts';
import { HandshakeJoiner } from '../../src/engine/record/joiner.ts';
import { type ContentType, type Opener, PlainSealer, type Sealer } from '../../src/engine/record/protection.ts';
import {
  EarlySecret,
  exportKeyingMaterial,
  finishedMac,
  type MainSecret,
  nextTrafficSecret,
  openerOf,
  sealerOf,
  type TrafficSecrets,
} from '../../src/engine/schedule/schedule13.ts';
import { chainOf, serverCertificate, type TestCertificate } from './certificates.ts';

const LEAF = serverCertificate(undefined, { dns: ['localhost'] });

/** What a server does otherwise than a good one. Hooks get the message it would send, and return the whole one to send instead. */
export interface ServerScript {
  readonly suite?: Tls13SuiteName;
  /** Asks for this share, or for the cookie to be returned, in a HelloRetryRequest. */
  readonly retry?: { readonly group?: NamedGroup; readonly cookie?: Bytes };
  readonly helloRetryRequest?: (hello: ServerHello) => Bytes;
  readonly serverHello?: (hello: ServerHello) => Bytes;
  /** Bytes put directly behind the ServerHello, in its record. */
  readonly behindServerHello?: Bytes;
  readonly encryptedExtensions?: Extensions | Bytes | ((hello: ClientHello) => Extensions);
  readonly certificateRequest?: Bytes;
  readonly certificate?: (message: CertificateMessage) => Bytes;
  readonly certificateVerify?: (message: CertificateVerify) => Bytes;
  readonly finished?: (whole: Bytes) => Bytes;
  /** Bytes put directly behind Finished. */
  readonly behindFinished?: Bytes;
  /** The most bytes of a handshake record. Default: 2^14. */
  readonly fragmentBytes?: number;
  /** With a P-256 key. Default: a self-signed one for localhost. */
  readonly identity?: TestCertificate;
  /** Does not answer the ClientHello itself. */
  readonly silent?: boolean;
}

/**
 * A TLS 1.3 server for tests, made of the engine's codecs and key schedule but not of its states and record layer, so that it can
 * say whatever a test wants. It trusts its client in everything but the Finished.
 */
export class ScriptedServer {
  readonly script: ServerScript;
  /** ClientHellos, as received. */
  readonly hellos: ClientHello[] = [];
  /** What the client sent under protection, by handshake type; Finished and Certificate among them. */
  readonly messages: { readonly type: number; readonly whole: Bytes }[] = [];
  readonly alerts: { readonly level: number; readonly name: string }[] = [];
  readonly plaintext: Bytes[] = [];
  /** Content types of the records that the client sent, outer and inner. */
  readonly records: { readonly outer: number; readonly inner: number; readonly bytes: number }[] = [];
  handshakeDone = false;
  #suite: Tls13SuiteName = 'TLS_AES_128_GCM_SHA256';
  #sealer: Sealer = new PlainSealer(VERSION.tls12);
  #opener: Opener | null = null;
  #joiner = new HandshakeJoiner();
  #input: Bytes = EMPTY;
  #output: Bytes[] = [];
  #transcript: Transcript | null = null;
  #handshakeSecrets: TrafficSecrets | null = null;
  #applicationSecrets: { client: Bytes; server: Bytes } | null = null;
  #exporter: Bytes = EMPTY;
  #main: MainSecret | null = null;
  #clientFinishedMac: Bytes = EMPTY;
  resumptionSecret: Bytes = EMPTY;

  constructor(script: ServerScript = {}) {
    this.script = script;
  }

  /** Takes bytes from the client. */
  async hear(bytes: Bytes): Promise<void> {
    this.#input = concat(this.#input, bytes);
    while (this.#input.length >= 5) {
      const length = 5 + (((this.#input[3] as number) << 8) | (this.#input[4] as number));
      if (this.#input.length < length) return;
      const record = this.#input.subarray(0, length);
      this.#input = this.#input.subarray(length);
      await this.#onRecord(record);
    }
  }

  /** Bytes for the client, since the last time. */
  take(): Bytes {
    const bytes = concat(...this.#output);
    this.#output = [];
    return bytes;
  }

  /** One record of that content, under the keys of the moment. */
  record(type: ContentType, content: Bytes): this {
    const output = new Uint8Array(this.#sealer.recordBytes(content.length));
    this.#sealer.seal(type, content, output, 0);
    return this.raw(output);
  }

  /** As {@link record}, with zeros behind the type. */
  padded(type: ContentType, content: Bytes, paddingBytes: number): this {
    // The last byte of TLSInnerPlaintext is the sealer's "type": a zero, so that the real type moves into the content.
    return this.record(0 as ContentType, concat(content, Uint8Array.of(type), new Uint8Array(paddingBytes - 1)));
  }

  raw(bytes: Bytes): this {
    this.#output.push(bytes);
    return this;
  }

  /** Application data in records of at most 2^14 bytes. */
  data(content: Bytes): this {
    for (let offset = 0; offset < content.length; offset += 2 ** 14)
      this.record(CONTENT_TYPE.application_data, content.subarray(offset, offset + 2 ** 14));
    return this;
  }

  alert(level: number, name: keyof typeof ALERT): this {
    return this.record(CONTENT_TYPE.alert, Uint8Array.of(level, ALERT[name]));
  }

  updateKeys(request: 'update_requested' | 'update_not_requested', message = encodeKeyUpdate(request)): this {
    this.record(CONTENT_TYPE.handshake, message);
    const secrets = this.#applicationSecrets as { client: Bytes; server: Bytes };
    secrets.server = nextTrafficSecret(nodeCrypto, this.#parameters.hash, secrets.server);
    this.#sealer = sealerOf(nodeCrypto, this.#parameters, secrets.server);
    return this;
  }

  exportKeyingMaterial(label: string, context: Bytes, length: number): Bytes {
    return exportKeyingMaterial(nodeCrypto, this.#parameters.hash, this.#exporter, label, context, length);
  }

  get #parameters() {
    return TLS13_SUITES[this.#suite];
  }

  async #onRecord(record: Bytes): Promise<void> {
    const outer = record[0] as number;
    const plain = this.#opener === null || outer !== CONTENT_TYPE.application_data;
    const { type, content } = plain
      ? { type: outer, content: record.slice(5) }
      : (this.#opener as Opener).open(record.subarray(0, 5), record.subarray(5));
    this.records.push({ outer, inner: type, bytes: record.length });
    if (type === CONTENT_TYPE.alert)
      this.alerts.push({ level: content[0] as number, name: alertName(content[1] as number) ?? `${content[1]}` });
    else if (type === CONTENT_TYPE.application_data) this.plaintext.push(content);
    else if (type === CONTENT_TYPE.handshake) {
      this.#joiner.add(content);
      for (let message = this.#joiner.take(); message !== undefined; message = this.#joiner.take())
        await this.#onMessage(message.type, message.body, message.whole);
    }
  }

  async #onMessage(type: number, body: Bytes, whole: Bytes): Promise<void> {
    if (type === HANDSHAKE_TYPE.client_hello) return this.#onClientHello(decodeClientHello(body), whole);
    this.messages.push({ type, whole });
    if (type === HANDSHAKE_TYPE.key_update) {
      const secrets = this.#applicationSecrets as { client: Bytes; server: Bytes };
      secrets.client = nextTrafficSecret(nodeCrypto, this.#parameters.hash, secrets.client);
      this.#opener = openerOf(nodeCrypto, this.#parameters, secrets.client);
      return;
    }
    const transcript = this.#transcript as Transcript;
    const { hash } = this.#parameters;
    if (type === HANDSHAKE_TYPE.finished) {
      const { client } = this.#handshakeSecrets as TrafficSecrets;
      this.#clientFinishedMac = finishedMac(nodeCrypto, hash, client, transcript.hash());
      if (Buffer.compare(this.#clientFinishedMac, body) !== 0) throw new Error("the client's Finished is wrong");
    }
    transcript.add(whole);
    if (type !== HANDSHAKE_TYPE.finished) return;
    this.resumptionSecret = (this.#main as MainSecret).toResumption(transcript.hash());
    this.#opener = openerOf(nodeCrypto, this.#parameters, (this.#applicationSecrets as TrafficSecrets).client);
    this.handshakeDone = true;
  }

  async #onClientHello(hello: ClientHello, whole: Bytes): Promise<void> {
    this.hellos.push(hello);
    const { script } = this;
    if (script.silent) return;
    this.#suite = script.suite ?? 'TLS_AES_128_GCM_SHA256';
    if (script.retry !== undefined && this.hellos.length === 1) {
      this.#retry(script.retry, hello, whole);
      return;
    }
    this.#transcript ??= new Transcript(nodeCrypto, this.#parameters.hash);
    this.#transcript.add(whole);
    await this.#flight(hello);
  }

  #retry(retry: NonNullable<ServerScript['retry']>, hello: ClientHello, whole: Bytes): void {
    const extensions = new Map([[EXTENSION.supported_versions as number, encodeU16(VERSION.tls13)]]);
    if (retry.group !== undefined) extensions.set(EXTENSION.key_share, encodeU16(NAMED_GROUPS[retry.group].codePoint));
    if (retry.cookie !== undefined) extensions.set(EXTENSION.cookie, encodeCookie(retry.cookie));
    const request = this.#serverHello(hello, HELLO_RETRY_REQUEST_RANDOM, extensions);
    const message = (this.script.helloRetryRequest ?? encodeServerHello)(request);
    this.#transcript = Transcript.afterRetry(nodeCrypto, this.#parameters.hash, whole);
    this.#transcript.add(message);
    this.record(CONTENT_TYPE.handshake, message);
  }

  #handshake(messages: Bytes): void {
    const { fragmentBytes = 2 ** 14 } = this.script;
    for (let offset = 0; offset < messages.length; offset += fragmentBytes)
      this.record(CONTENT_TYPE.handshake, messages.subarray(offset, offset + fragmentBytes));
  }

  #serverHello(hello: ClientHello, random: Bytes, extensions: Extensions): ServerHello {
    return {
      legacyVersion: VERSION.tls12,
      random,
      sessionId: hello.sessionId,
      cipherSuite: this.#parameters.codePoint,
      compressionMethod: 0,
      extensions,
    };
  }

  async #flight(hello: ClientHello): Promise<void> {
    const { script } = this;
    const transcript = this.#transcript as Transcript;
    const offered = decodeKeyShares(hello.extensions.get(EXTENSION.key_share) as Bytes);
    const chosen = offered.findLast(({ group }) => groupByCodePoint(group) !== undefined);
    const agreement =
      chosen === undefined
        ? null
        : await nodeCrypto.respondToKeyShare(groupByCodePoint(chosen.group) as NamedGroup, chosen.share);
    const extensions = new Map([[EXTENSION.supported_versions as number, encodeU16(VERSION.tls13)]]);
    if (chosen !== undefined && agreement !== null)
      extensions.set(EXTENSION.key_share, encodeKeyShareEntry({ group: chosen.group, share: agreement.publicShare }));
    const serverHello = (script.serverHello ?? encodeServerHello)(
      this.#serverHello(hello, nodeCrypto.randomBytes(32), extensions),
    );
    transcript.add(serverHello);
    this.#handshake(concat(serverHello, script.behindServerHello ?? EMPTY));
    const { hash } = this.#parameters;
    const handshake = new EarlySecret(nodeCrypto, hash, null).toHandshake(agreement?.secret ?? EMPTY);
    const secrets = handshake.trafficSecrets(transcript.hash());
    this.#handshakeSecrets = secrets;
    this.#sealer = sealerOf(nodeCrypto, this.#parameters, secrets.server);
    this.#opener = openerOf(nodeCrypto, this.#parameters, secrets.client);

    const flight: Bytes[] = [];
    const say = (message: Bytes): void => {
      transcript.add(message);
      flight.push(message);
    };
    const { encryptedExtensions = new Map(), identity = LEAF } = script;
    const encrypted = typeof encryptedExtensions === 'function' ? encryptedExtensions(hello) : encryptedExtensions;
    say(encrypted instanceof Uint8Array ? encrypted : encodeEncryptedExtensions(encrypted));
    if (script.certificateRequest !== undefined) say(script.certificateRequest);
    say(
      (script.certificate ?? encodeCertificate)({
        context: EMPTY,
        entries: chainOf(identity).map(({ der }) => ({ certificate: der, extensions: new Map() })),
      }),
    );
    const signed = signedBytes({ version: 'TLSv1.3', role: 'server', transcriptHash: transcript.hash() });
    const signature = new Uint8Array(sign('sha256', signed, identity.key.privateKey));
    say(
      (script.certificateVerify ?? encodeCertificateVerify)({
        scheme: SIGNATURE_SCHEMES.ecdsa_secp256r1_sha256.codePoint,
        signature,
      }),
    );
    const finished = encodeFinished(finishedMac(nodeCrypto, hash, secrets.server, transcript.hash()));
    say((script.finished ?? ((whole) => whole))(finished));
    this.#handshake(concat(...flight, script.behindFinished ?? EMPTY));

    const main = handshake.toMain();
    const traffic = main.trafficSecrets(transcript.hash());
    this.#applicationSecrets = { ...traffic };
    this.#exporter = main.exporterSecret(transcript.hash());
    this.#main = main;
    this.#sealer = sealerOf(nodeCrypto, this.#parameters, traffic.server);
  }
}
