import { contextConstructed, contextPrimitive, type DerReader, TAG } from './der.ts';
import { type GeneralName, readGeneralNames } from './general-names.ts';

/** RFC 5280 section 4.2.1.13: where a certificate's CRL is published. We fetch nothing, but the names tell which CRL it is. */
export interface DistributionPoint {
  /** Of the CRL; none of them where it is named relative to its issuer, which nobody does. */
  readonly names: readonly GeneralName[];
  /** Whether it is for some reasons only, or is issued by somebody else than the certificate. */
  readonly limited: boolean;
}

/** CRLDistributionPoints: one or more. @throws DerError */
export function readDistributionPoints(list: DerReader): DistributionPoint[] {
  const points: DistributionPoint[] = [];
  if (list.empty) list.fail('empty');
  while (!list.empty) points.push(readDistributionPoint(list.enter(TAG.sequence)));
  return points;
}

/** The field `distributionPoint [0]`, if it is the next one, of a distribution point or of the one that issued a CRL. @throws DerError */
export function readDistributionPointName(fields: DerReader): GeneralName[] | undefined {
  if (fields.peekTag() !== contextConstructed(0)) return undefined;
  const choice = fields.enter(contextConstructed(0), 'distributionPoint');
  const isFull = choice.peekTag() === contextConstructed(0);
  const names = isFull ? readGeneralNames(choice.enter(contextConstructed(0), 'fullName')) : [];
  if (!isFull) readRelativeName(choice.enter(contextConstructed(1), 'nameRelativeToCRLIssuer'));
  choice.finish();
  return names;
}

function readDistributionPoint(fields: DerReader): DistributionPoint {
  const names = readDistributionPointName(fields);
  const [reasons, issuer] = [contextPrimitive(1), contextConstructed(2)];
  const hasReasons = fields.peekTag() === reasons;
  if (hasReasons) fields.namedBits('reasons', reasons);
  const hasIssuer = fields.peekTag() === issuer;
  if (hasIssuer) readGeneralNames(fields.enter(issuer, 'cRLIssuer'));
  if (names === undefined && !hasIssuer) fields.fail('neither a name nor an issuer');
  fields.finish();
  return { names: names ?? [], limited: hasReasons || hasIssuer };
}

function readRelativeName(attributes: DerReader): void {
  if (attributes.empty) attributes.fail('empty');
  while (!attributes.empty) attributes.any();
}
