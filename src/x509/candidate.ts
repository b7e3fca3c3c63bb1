import { TlsError } from '../core/failures.ts';
import type { Certificate } from './certificate.ts';
import { DerError } from './der.ts';
import { formatName } from './distinguished-name.ts';
import { type PublicKey, readPublicKey } from './public-key.ts';
import { readSignatureAlgorithm, type SignatureAlgorithm } from './signature-algorithm.ts';

/** A certificate with its place in the search for a path, and what was found out about it. */
export class Candidate {
  readonly certificate: Certificate;
  /** For messages: `the intermediate certificate`. */
  readonly #kind: string;
  /** Issuers whose key was tried on this certificate's signature, and how that went. */
  readonly signedBy = new Map<Candidate, boolean>();
  /** The first certificate in sight with the same name and key, this one if there is no other. */
  authority: Candidate = this;
  #publicKey: PublicKey | undefined;
  #algorithm: SignatureAlgorithm | undefined;

  constructor(certificate: Certificate, kind: string) {
    this.certificate = certificate;
    this.#kind = kind;
  }

  get label(): string {
    return `${this.#kind} (${formatName(this.certificate.subject)})`;
  }

  get publicKey(): PublicKey {
    this.#publicKey ??= this.check(() => readPublicKey(this.certificate.spki, this.certificate.der));
    return this.#publicKey;
  }

  get algorithm(): SignatureAlgorithm {
    this.#algorithm ??= this.check(() => readSignatureAlgorithm(this.certificate.signatureAlgorithm));
    return this.#algorithm;
  }

  /** Runs a rule about this certificate; the detail of its failure gets the certificate's name in front. */
  check<Result>(rule: () => Result): Result {
    return about(() => this.label, rule);
  }
}

/** Runs a rule about the certificate of that name: what it throws becomes a TlsError whose detail begins with the name. */
export function about<Result>(label: () => string, rule: () => Result): Result {
  try {
    return rule();
  } catch (error) {
    if (error instanceof DerError)
      throw new TlsError('certificate-malformed', `${label()} is malformed: ${error.message}`);
    if (!(error instanceof TlsError) || error.why === 'certificate-budget-exhausted') throw error;
    throw new TlsError(error.why, `${label()} ${error.detail}`);
  }
}
