import { TlsError } from '../core/failures.ts';
import type { Certificate } from './certificate.ts';
import { formatName } from './distinguished-name.ts';
import { ANY_POLICY, type Extensions } from './extensions.ts';

/**
 * RFC 5280 section 6.1 where it is about policies. We ask for none (user-initial-policy-set is anyPolicy), so that all that matters is
 * whether some policy is valid for the whole path, if a CA of it demands that (requireExplicitPolicy). Of the tree of valid policies
 * only the lowest level is kept, as the set of those that the next certificate may have: no more than the certificates name.
 * @param path leaf first, trust anchor last; the constraints of the anchor count, its policies do not
 * @throws TlsError `certificate-not-conforming`
 */
export function checkPolicies(path: readonly Certificate[]): void {
  const anchor = path.at(-1);
  const demanding = path.find(({ extensions }) => extensions.policyConstraints?.requireExplicitPolicy !== undefined);
  if (anchor === undefined || demanding === undefined) return;
  const state = new PolicyState(path.length);
  state.constrain(anchor.extensions);
  for (let index = path.length - 2; index >= 0; index--) {
    const { extensions, selfIssued } = path[index] as Certificate;
    state.enter(extensions, selfIssued && index > 0);
    if (state.isViolated) throw violated(demanding);
    if (index > 0) state.prepare(extensions, selfIssued);
  }
  state.wrapUp((path[0] as Certificate).extensions);
  if (state.isViolated) throw violated(demanding);
}

/** The state variables of section 6.1.2; the three numbers count certificates until something is demanded or forbidden. */
class PolicyState {
  #explicitPolicy: number;
  #policyMapping: number;
  #inhibitAnyPolicy: number;
  /** What the next certificate may have: the expected policies of the lowest nodes. Empty: the tree is NULL. */
  #expected: ReadonlySet<string> = new Set([ANY_POLICY]);

  constructor(certificates: number) {
    this.#explicitPolicy = certificates;
    this.#policyMapping = certificates;
    this.#inhibitAnyPolicy = certificates;
  }

  /** Section 6.1.3 (f). */
  get isViolated(): boolean {
    return this.#explicitPolicy === 0 && this.#expected.size === 0;
  }

  /** Section 6.1.3 (d) and (e). */
  enter({ certificatePolicies = [] }: Extensions, isSelfIssuedCa: boolean): void {
    const valid = new Set<string>();
    const anyExpected = this.#expected.has(ANY_POLICY);
    for (const policy of certificatePolicies)
      if (policy !== ANY_POLICY && (anyExpected || this.#expected.has(policy))) valid.add(policy);
    if (certificatePolicies.includes(ANY_POLICY) && (this.#inhibitAnyPolicy > 0 || isSelfIssuedCa))
      for (const policy of this.#expected) valid.add(policy);
    this.#expected = valid;
  }

  /** Section 6.1.4 (a), (b), (h), (i) and (j). */
  prepare(extensions: Extensions, selfIssued: boolean): void {
    this.#map(extensions.policyMappings ?? []);
    if (!selfIssued) {
      this.#explicitPolicy = decremented(this.#explicitPolicy);
      this.#policyMapping = decremented(this.#policyMapping);
      this.#inhibitAnyPolicy = decremented(this.#inhibitAnyPolicy);
    }
    this.constrain(extensions);
  }

  constrain({ policyConstraints, inhibitAnyPolicy }: Extensions): void {
    const { requireExplicitPolicy, inhibitPolicyMapping } = policyConstraints ?? {};
    this.#explicitPolicy = Math.min(this.#explicitPolicy, requireExplicitPolicy ?? this.#explicitPolicy);
    this.#policyMapping = Math.min(this.#policyMapping, inhibitPolicyMapping ?? this.#policyMapping);
    this.#inhibitAnyPolicy = Math.min(this.#inhibitAnyPolicy, inhibitAnyPolicy ?? this.#inhibitAnyPolicy);
  }

  /** Section 6.1.5 (a) and (b). */
  wrapUp({ policyConstraints }: Extensions): void {
    this.#explicitPolicy = decremented(this.#explicitPolicy);
    if (policyConstraints?.requireExplicitPolicy === 0) this.#explicitPolicy = 0;
  }

  /** What is mapped is valid below under its other names only; where mapping is inhibited, not at all. */
  #map(mappings: NonNullable<Extensions['policyMappings']>): void {
    const mapped = new Set(this.#expected);
    for (const { from } of mappings) mapped.delete(from);
    if (this.#policyMapping > 0)
      for (const { from, to } of mappings)
        if (this.#expected.has(from) || this.#expected.has(ANY_POLICY)) mapped.add(to);
    this.#expected = mapped;
  }
}

function decremented(count: number): number {
  return Math.max(0, count - 1);
}

function violated({ subject }: Certificate): TlsError {
  const who = formatName(subject);
  return new TlsError(
    'certificate-not-conforming',
    `the chain has no policy in common, and ${who} demands one (policyConstraints, RFC 5280 section 6.1)`,
  );
}
