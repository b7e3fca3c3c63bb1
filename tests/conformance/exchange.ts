import { ascii, type Bytes, concat, equal, hex, unhex } from '../../src/core/bytes.ts';
import { TlsError } from '../../src/core/failures.ts';
import { TLS12_SUITES, TLS13_SUITES } from '../../src/crypto/cipher-suites.ts';
import { NAMED_GROUPS } from '../../src/crypto/named-groups.ts';
import type { SignatureScheme } from '../../src/crypto/provider.ts';
import { SIGNATURE_SCHEMES, signatureCodePoints } from '../../src/crypto/signature-schemes.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import { type KeyHolder, performEffect } from '../../src/engine/answer.ts';
import type {
  Answer,
  CertificateQuestion,
  Connection,
  Effect,
  SessionFacts,
  Ticket,
} from '../../src/engine/connection.ts';
import { Certificate } from '../../src/x509/certificate.ts';
import { DerError } from '../../src/x509/der.ts';
import { formatName } from '../../src/x509/distinguished-name.ts';
import { KEY_USAGE } from '../../src/x509/extensions.ts';
import { checkEchSession, checkPublicName, checkRejection } from './ech.ts';
import type { ShimFlags } from './flags.ts';
import { chainOf, lengthPrefixed, TLS12, TLS13 } from './settings.ts';
import type { Wire } from './wire.ts';

/** One connection of a test. */
export interface ExchangeSetting {
  readonly connection: Connection;
  readonly wire: Wire;
  readonly flags: ShimFlags;
  readonly keys: KeyHolder;
  /** Whether there was a connection before it that this one is to resume. */
  readonly resumes: boolean;
}

/** The exchange that every test expects: write first if told so, then return each byte inverted until the peer closes. */
export class Exchange {
  readonly #connection: Connection;
  readonly #wire: Wire;
  readonly #flags: ShimFlags;
  readonly #plaintext: Bytes[] = [];
  #pending: Bytes = new Uint8Array(0);
  #session: SessionFacts | undefined;
  #selectedCredential = -1;
  readonly #keys: KeyHolder;
  readonly #resumes: boolean;
  readonly #keyLog: string[] = [];
  readonly tickets: Ticket[] = [];
  #peerClosed = false;
  #ended = false;
  #ocsp: Bytes | undefined;
  #chain: readonly Bytes[] = [];

  constructor({ connection, wire, flags, keys, resumes }: ExchangeSetting) {
    this.#resumes = resumes;
    this.#keys = keys;
    this.#connection = connection;
    this.#wire = wire;
    this.#flags = flags;
  }

  async run(): Promise<void> {
    const flags = this.#flags;
    this.#connection.start();
    await this.#drain();
    while (this.#session === undefined) await this.#read();
    this.#checkSession(this.#session);
    const unfinished = flags.bools.has('read-with-unfinished-write');
    if (unfinished) this.#wire.hold();
    this.#writeFirst();
    await this.#drain();
    if (unfinished) {
      while (this.#plaintext.length === 0 && !this.#ended) await this.#read();
      this.#wire.release();
    }
    if (flags.bools.has('shim-shuts-down')) {
      this.#connection.closeWrite();
      await this.#drain();
      while (!this.#ended && !this.#peerClosed && flags.bools.has('check-close-notify')) await this.#read();
    } else {
      while (!this.#peerClosed && !this.#ended) {
        if (flags.bools.has('key-update-before-read')) this.#connection.updateKeys();
        await this.#echo();
        if (!this.#peerClosed && !this.#ended) await this.#read();
      }
      await this.#echo();
    }
    this.#checkTickets();
    if (!this.#connection.finished) this.#connection.closeWrite();
    await this.#drain();
    if (flags.bools.has('check-close-notify') && !this.#peerClosed)
      throw new Error('the peer did not send close_notify');
  }

  async #echo(): Promise<void> {
    for (let received = this.#plaintext.shift(); received !== undefined; received = this.#plaintext.shift()) {
      const size = this.#flags.ints.get('read-size')?.[0] ?? 512;
      for (let offset = 0; offset < received.length; offset += size) {
        if (this.#flags.bools.has('key-update')) this.#connection.updateKeys();
        this.#connection.send(received.slice(offset, offset + size).map((byte) => byte ^ 0xff));
      }
      await this.#drain();
    }
  }

  #writeFirst(): void {
    const flags = this.#flags;
    const connection = this.#connection;
    const length = flags.ints.get('export-keying-material')?.[0] ?? 0;
    if (length > 0) {
      const context = flags.bools.has('use-export-context') ? ascii(flags.strings.get('export-context') ?? '') : null;
      connection.send(connection.exportKeyingMaterial(flags.strings.get('export-label') ?? '', context, length));
    }
    if (flags.bools.has('export-traffic-secrets')) this.#exportTrafficSecrets();
    if (flags.bools.has('write-different-record-sizes')) {
      for (const size of [0, 1, 255, 256, 257, 16383, 16384, 16385, 32767, 32768, 32769])
        connection.send(new Uint8Array(size).fill(0x42));
    } else if (flags.bools.has('shim-writes-first') || flags.bools.has('read-with-unfinished-write')) {
      const text = ascii(flags.strings.get('shim-initial-write') ?? 'hello');
      for (let times = flags.ints.get('repeat-shim-initial-write')?.[0] ?? 1; times > 0; times--) connection.send(text);
    }
  }

  /** Length in the machine's order, the peer's secret, ours. */
  #exportTrafficSecrets(): void {
    const secretOf = (label: string): Bytes => {
      const line = this.#keyLog.find((candidate) => candidate.startsWith(`${label} `));
      if (line === undefined) throw new Error(`no ${label}`);
      return unhex(line.slice(line.lastIndexOf(' ')));
    };
    const [client, server] = [secretOf('CLIENT_TRAFFIC_SECRET_0'), secretOf('SERVER_TRAFFIC_SECRET_0')];
    const order = this.#flags.bools.has('server') ? [client, server] : [server, client];
    this.#connection.send(concat(Uint8Array.of(client.length, 0), ...order));
  }

  async #read(): Promise<void> {
    const chunk = await this.#wire.read();
    if (chunk === null) {
      this.#ended = true;
      if (this.#session !== undefined && !this.#peerClosed) return; // an unclean end is the test's to judge
      this.#connection.receiveEnd();
    } else {
      this.#pending = concat(this.#pending, chunk);
      await this.#feed();
    }
    await this.#drain();
  }

  async #feed(): Promise<void> {
    for (let consumed = -1; consumed !== 0 && this.#pending.length > 0; ) {
      consumed = this.#connection.receive(this.#pending);
      this.#pending = this.#pending.slice(consumed);
      await this.#drain();
    }
  }

  async #drain(): Promise<void> {
    for (let output = this.#connection.next(); output !== undefined; output = this.#connection.next()) {
      switch (output.output) {
        case 'network':
          this.#wire.write(output.bytes);
          break;
        case 'plaintext':
          this.#plaintext.push(output.bytes.slice());
          break;
        case 'effect':
          if (this.#flags.bools.has('async')) await new Promise((resolve) => setImmediate(resolve));
          this.#connection.answer(output.id, await this.#perform(output.effect));
          break;
        case 'open':
          this.#session = output.session;
          break;
        case 'key-log':
          this.#keyLog.push(output.line);
          break;
        case 'ticket':
          this.tickets.push(output.ticket);
          break;
        case 'peer-closed':
          this.#peerClosed = true;
          break;
        case 'failed':
          checkRejection(this.#flags, output.failure);
          throw new Error(`failed: ${output.failure.why}: ${output.failure.detail ?? ''}`);
      }
    }
  }

  async #perform(effect: Effect): Promise<Answer> {
    if (effect.effect === 'choose-certificate') this.#checkQuestion(effect);
    if (effect.effect === 'sign') this.#selectedCredential = Number(effect.key);
    return performEffect(
      effect,
      nodeCrypto,
      (chain, ocspResponse, publicName) => {
        checkPublicName(this.#flags, publicName);
        return this.#verifyCertificate(chain, ocspResponse);
      },
      this.#keys,
    );
  }

  /** The runner's certificates are not there to be validated: `-verify-fail` says what the verdict shall be. */
  #verifyCertificate(chain: readonly Bytes[], ocspResponse: Bytes | undefined): Answer {
    this.#ocsp = ocspResponse;
    this.#chain = chain;
    if (this.#flags.bools.has('fail-ocsp-callback'))
      return { answer: 'refused', failure: new TlsError('certificate-status-rejected').failure };
    // Without -verify-peer BoringSSL's client looks and goes on.
    if (this.#flags.bools.has('verify-fail') && this.#flags.bools.has('verify-peer'))
      return { answer: 'refused', failure: { kind: 'certificate-rejected', why: 'certificate-unknown-issuer' } };
    let leaf: Certificate;
    try {
      leaf = new Certificate(chain[0] as Bytes);
    } catch (error) {
      if (!(error instanceof DerError)) throw error;
      return { answer: 'refused', failure: new TlsError('certificate-malformed', error.message).failure };
    }
    const { keyUsage } = leaf.extensions;
    if (keyUsage !== undefined && (keyUsage & KEY_USAGE.digitalSignature) === 0)
      return { answer: 'refused', failure: new TlsError('certificate-wrong-purpose', 'key usage').failure };
    return {
      answer: 'certificate-accepted',
      spki: leaf.spki,
      identity: {
        verified: true,
        matched: [],
        subject: formatName(leaf.subject),
        spkiSha256: '',
        certificateSha256: '',
        notAfterSeconds: 4_102_444_800,
      },
    };
  }

  #checkQuestion({ alpnOffered, authorities, role, schemes }: CertificateQuestion): void {
    const preferred = this.#flags.ints.get('expect-peer-verify-pref');
    const codePoints = signatureCodePoints(schemes);
    if (preferred !== undefined && preferred.join() !== codePoints.join())
      throw new Error(`schemes were ${codePoints}`);
    const types = this.#flags.strings.get('expect-certificate-types');
    if (types !== undefined) checkCertificateTypes(Buffer.from(types, 'base64'), schemes);
    const alpn = this.#flags.strings.get('expect-advertised-alpn');
    if (alpn !== undefined && role === 'server' && lengthPrefixed(alpn).join() !== alpnOffered.join())
      throw new Error(`ALPN offered was ${alpnOffered}`);
    const expected = this.#flags.strings.get('expect-client-ca-list');
    if (expected !== undefined) {
      const list = expected === '<EMPTY>' ? '' : expected;
      if (authorities.map(hex).join(',') !== list) throw new Error(`authorities were ${authorities.map(hex)}`);
    }
  }

  #checkSession(session: SessionFacts): void {
    const { ints, strings, bools } = this.#flags;
    const credential = ints.get('expect-selected-credential')?.[0];
    // The last resort, without a flag of its own, has no number.
    const selected = this.#flags.credentials[this.#selectedCredential]?.numbered ? this.#selectedCredential : -1;
    if (credential !== undefined && credential !== selected) throw new Error(`credential ${selected} was used`);
    checkEchSession(this.#flags, session);
    const serverName = strings.get('expect-server-name');
    if (serverName !== undefined && session.serverName !== serverName)
      throw new Error(`server name was ${session.serverName}, not ${serverName}`);
    if (bools.has('expect-no-peer-cert') && session.peer !== null) throw new Error('a certificate of the peer');
    if (bools.has('require-any-client-certificate') && session.peer === null) throw new Error('no certificate');
    const expectResumed = this.#resumes && !bools.has('expect-session-miss');
    if (session.resumed !== expectResumed) throw new Error(`${expectResumed ? 'not ' : ''}resumed`);
    const expectGroup = ints.get('expect-curve-id')?.[0];
    const group = session.group === null ? 0 : NAMED_GROUPS[session.group].codePoint;
    if (expectGroup !== undefined && group !== expectGroup) throw new Error(`group was ${group}, not ${expectGroup}`);
    const expectScheme = ints.get('expect-peer-signature-algorithm')?.[0];
    const scheme = session.signatureScheme === null ? 0 : SIGNATURE_SCHEMES[session.signatureScheme].codePoint;
    if (expectScheme !== undefined && scheme !== expectScheme)
      throw new Error(`scheme was ${scheme}, not ${expectScheme}`);
    const alpn = strings.get('expect-alpn');
    if (alpn !== undefined && session.alpn !== alpn) throw new Error(`ALPN was ${session.alpn}, not ${alpn}`);
    if (bools.has('expect-hrr') && !session.helloRetryRequest) throw new Error('no HelloRetryRequest');
    if (bools.has('expect-no-hrr') && session.helloRetryRequest) throw new Error('unexpected HelloRetryRequest');
    const version = ints.get('expect-version')?.[0];
    const actual = session.version === 'TLSv1.3' ? TLS13 : TLS12;
    if (version !== undefined && version !== actual) throw new Error(`version was ${actual}, not ${version}`);
    const suite = ints.get('expect-cipher')?.[0] ?? ints.get('expect-cipher-aes')?.[0];
    if (suite !== undefined && suite !== codePointOf(session.suite)) throw new Error(`suite was ${session.suite}`);
    const peerFile = session.resumed ? undefined : strings.get('expect-peer-cert-file');
    if (peerFile !== undefined && chainOf(peerFile).map(hex).join() !== this.#chain.map(hex).join())
      throw new Error('not the expected certificates');
    const ocsp = session.resumed ? undefined : strings.get('expect-ocsp-response');
    if (
      ocsp !== undefined &&
      (this.#ocsp === undefined || !equal(this.#ocsp, new Uint8Array(Buffer.from(ocsp, 'base64'))))
    )
      throw new Error('not the expected OCSP response');
  }

  #checkTickets(): void {
    if (this.#flags.bools.has('server')) return;
    if (this.#flags.bools.has('expect-ticket-renewal') && this.#resumes && this.tickets.length === 0)
      throw new Error('no new ticket');
    if (this.#session?.version !== 'TLSv1.3' || this.#flags.bools.has('no-ticket')) return;
    // Who closes first may be gone before there are any.
    if (this.#flags.bools.has('shim-shuts-down')) return;
    const expected = !this.#flags.bools.has('expect-no-session');
    if (expected !== this.tickets.length > 0)
      throw new Error(`${this.tickets.length} tickets, expected ${expected ? 'some' : 'none'}`);
  }
}

function codePointOf(suite: string): number | undefined {
  const all: Readonly<Record<string, { readonly codePoint: number }>> = { ...TLS12_SUITES, ...TLS13_SUITES };
  return all[suite]?.codePoint;
}

/** TLS 1.2's types of certificates (RFC 5246 section 7.4.4), which the engine has made into the schemes that go with them. */
function checkCertificateTypes(types: Uint8Array, schemes: readonly SignatureScheme[]): void {
  const [rsa, ecdsa] = [
    schemes.some((scheme) => scheme.startsWith('rsa')),
    schemes.some((scheme) => /^e[cd]/.test(scheme)),
  ];
  if (rsa !== types.includes(1) || ecdsa !== types.includes(64)) throw new Error(`schemes were ${schemes}`);
}
