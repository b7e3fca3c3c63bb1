import { type Bytes, hex } from '../core/bytes.ts';
import { TlsError } from '../core/failures.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { SessionFacts } from '../engine/connection.ts';
import type { Certificate } from '../x509/certificate.ts';
import { DerError } from '../x509/der.ts';
import { formatName } from '../x509/distinguished-name.ts';
import type { Examination, ExaminedCertificate, Remark } from '../x509/examination.ts';
import { formatGeneralName, formatReference } from '../x509/names.ts';
import { readPublicKey } from '../x509/public-key.ts';
import { readSignatureAlgorithm } from '../x509/signature-algorithm.ts';
import { formatTime } from '../x509/time.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { outcomeOf, type RunFailure } from './failures.ts';

/** What came of a check. Without an examination there is a failure: nothing was seen of a chain. */
export interface CheckResult {
  readonly examination?: Examination | undefined;
  /** Of a server, if the handshake was completed. */
  readonly session?: SessionFacts | undefined;
  readonly address?: string;
  /** Of the connection. */
  readonly failure?: RunFailure | undefined;
}

/** A result, and what it is shown beside. */
export interface ShownResult {
  /** As the user named it. */
  readonly target: string;
  readonly result: CheckResult;
  readonly nowSeconds: number;
}

/** The chain is worth more than the connection: who is rejected is rejected, whatever happened then. */
export function exitOf({ examination, failure }: CheckResult): ExitCode {
  if (examination?.verdict === 'rejected') return EXIT.certificate;
  if (failure !== undefined) return outcomeOf(failure).exit;
  return examination?.verdict === 'warnings' ? EXIT.warnings : EXIT.clean;
}

/** One object, on one line; members may be added in later versions, those here keep name and meaning. */
export function toJson({ target, result, nowSeconds }: ShownResult, crypto: Pick<CryptoProvider, 'hash'>): string {
  const { examination, session, address, failure } = result;
  const reason = failureOf(result);
  const json = {
    target,
    verdict: failure === undefined || examination?.verdict === 'rejected' ? examination?.verdict : 'failed',
    exit: exitOf(result),
    failure: reason === undefined ? null : { ...reason, advice: outcomeOf(reason).advice },
    address: address ?? null,
    session: session === undefined ? null : sessionJson(session),
    matched: examination?.verification.ok === true ? examination.verification.path.matched.map(formatReference) : [],
    remarks: examination?.remarks ?? [],
    certificates: (examination?.certificates ?? []).map((each) => certificateJson(each, nowSeconds, crypto)),
    connectionFailure: failure === undefined ? null : failure.why,
  };
  return `${JSON.stringify(json)}\n`;
}

function sessionJson({ version, suite, group, signatureScheme, alpn, serverName }: SessionFacts) {
  return { version, suite, group, signatureScheme, alpn, serverName };
}

function certificateJson(
  { number, sent, trusted, onPath, der, certificate, issuers, remarks }: ExaminedCertificate,
  nowSeconds: number,
  crypto: Pick<CryptoProvider, 'hash'>,
) {
  const fingerprint = (bytes: Bytes) => hex(crypto.hash('sha256', bytes));
  const place = { number, sent, trusted, onPath, issuers, remarks, certificateSha256: fingerprint(der) };
  if (certificate === undefined) return place;
  return {
    ...place,
    subject: formatName(certificate.subject),
    issuer: formatName(certificate.issuer),
    serialNumber: hex(certificate.serialNumber),
    names: certificate.extensions.subjectAltName?.map(formatGeneralName) ?? [],
    notBeforeSeconds: certificate.notBefore,
    notAfterSeconds: certificate.notAfter,
    daysLeft: daysLeft(certificate, nowSeconds),
    key: describeKey(certificate),
    signature: describeSignature(certificate),
    spkiSha256: fingerprint(certificate.spki),
  };
}

/** For people: the verdict, then the certificates as a tree that grows from the leaf to what is trusted. */
export function toTree(shown: ShownResult): string {
  const { target, result } = shown;
  const { examination, session } = result;
  if (examination === undefined) return '';
  const lines = [`${target}: ${headline(result)}`];
  const reason = failureOf(result);
  if (reason !== undefined) {
    if (reason.detail !== undefined) lines.push(`  ${reason.detail}`);
    lines.push(`  ${outcomeOf(reason).advice}`);
  }
  for (const { severity, detail } of chainRemarks(examination, reason)) lines.push(`  ${severity}: ${detail}`);
  if (session !== undefined)
    lines.push(
      `  ${[session.version, session.suite, session.group ?? 'no known group'].join(', ')}; it has the key of certificate 1`,
    );
  return `${[...lines, '', ...new Tree(shown, examination).lines].join('\n')}\n`;
}

function headline(result: CheckResult): string {
  const { examination, failure } = result;
  const reason = failureOf(result);
  if (examination?.verdict === 'rejected')
    return reason === undefined ? 'rejected' : `rejected: ${outcomeOf(reason).says}`;
  if (failure !== undefined) return outcomeOf(failure).says;
  return examination?.verdict === 'warnings' ? 'accepted, with warnings' : 'accepted';
}

/** Why the chain is refused, or else why there was no connection. */
function failureOf({ examination, failure }: CheckResult): RunFailure | undefined {
  if (examination?.verification.ok === false) return examination.verification.failure;
  return failure;
}

/** The failure stands above them already. */
function chainRemarks({ remarks }: Examination, reason: RunFailure | undefined): readonly Remark[] {
  return remarks.filter(({ why, detail }) => why !== reason?.why || detail !== reason.detail);
}

/** What a person reads of a list; the JSON has all. */
const NAMES_SHOWN = 8;

class Tree {
  readonly lines: string[] = [];
  readonly #shown: ShownResult;
  readonly #all: readonly ExaminedCertificate[];
  readonly #drawn = new Set<number>();

  constructor(shown: ShownResult, { certificates }: Examination) {
    this.#shown = shown;
    this.#all = certificates;
    for (const each of certificates) if (!this.#drawn.has(each.number)) this.#draw(each, '', '');
  }

  #draw(each: ExaminedCertificate, head: string, margin: string): void {
    const { number, certificate, trusted, issuers } = each;
    const name = certificate === undefined ? '(cannot be read)' : formatName(certificate.subject) || '(no subject)';
    if (this.#drawn.has(number)) {
      this.lines.push(`${head}${number} ${name}, as above`);
      return;
    }
    this.#drawn.add(number);
    const trust = { public: ' (trusted, public CA)', private: ' (trusted, own CA)' };
    this.lines.push(`${head}${number} ${name}${trusted === null ? '' : trust[trusted]}`);
    const above = issuers.map((issuer) => this.#all[issuer - 1]).filter((issuer) => issuer !== undefined);
    const inner = `${margin}${above.length > 0 ? '│' : ' '}   `;
    for (const line of this.#describe(each)) this.lines.push(`${inner}${line}`);
    for (const [index, issuer] of above.entries()) {
      const last = index === above.length - 1;
      this.#draw(issuer, `${margin}${last ? '└─' : '├─'} `, `${margin}${last ? '   ' : '│  '}`);
    }
  }

  #describe({ certificate, remarks }: ExaminedCertificate): string[] {
    const described = certificate === undefined ? [] : this.#describeCertificate(certificate);
    return [...described, ...remarks.map(({ severity, detail }) => `${severity}: ${detail}`)];
  }

  #describeCertificate(certificate: Certificate): string[] {
    const names = certificate.extensions.subjectAltName?.map(formatGeneralName) ?? [];
    const more = names.length > NAMES_SHOWN ? `, and ${names.length - NAMES_SHOWN} more` : '';
    const left = daysLeft(certificate, this.#shown.nowSeconds);
    const { notBefore, notAfter } = certificate;
    return [
      ...(names.length > 0 ? [`for ${names.slice(0, NAMES_SHOWN).join(', ')}${more}`] : []),
      `${formatTime(notBefore)} to ${formatTime(notAfter)}${left >= 0 ? `, ${left} days left` : ''}`,
      `key ${describeKey(certificate)}, signed with ${describeSignature(certificate)}`,
    ];
  }
}

function daysLeft({ notAfter }: Certificate, nowSeconds: number): number {
  return Math.floor((notAfter - nowSeconds) / 86_400);
}

/** `p256`, `rsa 2048`. What is none that is accepted is called other; the remarks say what it is. */
function describeKey({ spki, der }: Certificate): string {
  return described(() => {
    const { type, bits } = readPublicKey(spki, der);
    return type.startsWith('rsa') ? `${type} ${bits}` : type;
  });
}

/** `ecdsa sha256`, `ed25519`. */
function describeSignature({ signatureAlgorithm }: Certificate): string {
  return described(() => {
    const algorithm = readSignatureAlgorithm(signatureAlgorithm);
    return algorithm.family === 'pure' ? algorithm.key : `${algorithm.family} ${algorithm.hash}`;
  });
}

function described(describe: () => string): string {
  try {
    return describe();
  } catch (error) {
    if (error instanceof TlsError || error instanceof DerError) return 'other';
    throw error;
  }
}
