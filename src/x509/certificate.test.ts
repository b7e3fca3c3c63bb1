import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  authorityInfoAccess,
  authorityKeyIdentifier,
  basicConstraints,
  certificatePolicies,
  extendedKeyUsage,
  extension,
  generalNames,
  keyUsage,
  nameConstraints,
  policyMappings,
  subjectAltName,
  subjectKeyIdentifier,
  tlsFeature,
} from '../../tests/support/certificate-extensions.ts';
import {
  authority,
  type CertificateOptions,
  certificate,
  commonName,
  serverCertificate,
} from '../../tests/support/certificates.ts';
import {
  bitString,
  boolean,
  explicit,
  implicit,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  time,
  tlv,
} from '../../tests/support/der-writer.ts';
import { algorithmIdentifier } from '../../tests/support/keys.ts';
import { type Bytes, concat, unhex } from '../core/bytes.ts';
import { LIMITS } from '../core/limits.ts';
import { Certificate, subjectOf } from './certificate.ts';
import { DerError } from './der.ts';
import { EXTENSION, KEY_USAGE, PURPOSE } from './extensions.ts';
import { readPublicKey } from './public-key.ts';

function build(options: CertificateOptions = {}): Bytes {
  return certificate({ subject: 'test', ...options }).der;
}

function fails(der: Bytes, message: RegExp): void {
  assert.throws(
    () => new Certificate(der),
    (error) => error instanceof DerError && message.test(error.message),
    String(message),
  );
}

/** A certificate with that one extension. */
function withExtension(value: Bytes): Certificate {
  return new Certificate(build({ extensions: { value } }));
}

function failsWith(value: Bytes, message: RegExp): void {
  fails(build({ extensions: { value } }), message);
}

test('all fields', () => {
  const ca = authority('ca');
  const [notBefore, notAfter] = [new Date('2024-02-03T04:05:06Z'), new Date('2055-01-01T00:00:00Z')];
  const { der, key } = serverCertificate(ca, { dns: ['a.test'] }, { notBefore, notAfter, serial: integer(0x1234) });
  const read = new Certificate(der);
  assert.equal(read.version, 3);
  assert.deepEqual(read.serialNumber, unhex('1234'));
  assert.deepEqual(read.issuer, ca.subject);
  assert.deepEqual(read.subject, subjectOf(der));
  assert.equal(read.notBefore, notBefore.getTime() / 1000);
  assert.equal(read.notAfter, notAfter.getTime() / 1000);
  assert.deepEqual(read.spki, key.spki);
  assert.deepEqual(read.signatureAlgorithm, algorithmIdentifier('ecdsa-sha256'));
  assert.equal(read.selfIssued, false);
  assert.equal(new Certificate(ca.der).selfIssued, true);
  assert.deepEqual(sequence(read.signed, read.signatureAlgorithm, bitString(read.signature)), der);
});

describe('structure', () => {
  const { der } = serverCertificate(authority('ca'), { dns: ['a.test'] });

  test('cut off at every byte', () => {
    for (let length = 0; length < der.length; length++)
      assert.throws(() => new Certificate(der.subarray(0, length)), DerError, `${length} bytes`);
  });

  test('trailing bytes', () => fails(concat(der, Uint8Array.of(0)), /trailing bytes/));

  test('too long', () => {
    fails(concat(der, new Uint8Array(LIMITS.certificateBytes)), /longer than \d+ bytes/);
  });

  test('another algorithm inside than outside', () => {
    fails(
      build({ innerAlgorithm: algorithmIdentifier('ecdsa-sha384') }),
      /tbsCertificate\.signature at byte \d+: not the algorithm/,
    );
    fails(build({ outerAlgorithm: sequence(oid('1.2.840.10045.4.3.2'), nullValue()) }), /not the algorithm/);
  });

  test('a field more, a field less', () => {
    fails(build({ tbs: (fields) => [...fields, nullValue()] }), /tbsCertificate/);
    fails(build({ tbs: (fields) => fields.toSpliced(1, 1) }), /tbsCertificate\.serialNumber/);
    fails(build({ tbs: (fields) => fields.slice(0, -1) }), /subjectPublicKeyInfo/);
  });

  test('a signature that is no whole number of bytes', () => {
    const [tbs, algorithm] = [sequence(), algorithmIdentifier('ecdsa-sha256')];
    fails(sequence(tbs, algorithm, bitString(Uint8Array.of(0xf0), 4)), /signature at byte \d+: not whole bytes/);
  });

  test('too many values', () => {
    const dns = new Array<string>(LIMITS.derElements).fill('a');
    failsWith(subjectAltName({ dns }), /too many values/);
  });
});

describe('versions', () => {
  test('1 is the absence of the field', () => {
    assert.equal(new Certificate(build({ version: null })).version, 1);
    fails(build({ version: explicit(0, integer(0)) }), /version 1 is the default/);
  });
  test('2 may have unique identifiers, and no extensions', () => {
    const version = explicit(0, integer(1));
    assert.equal(new Certificate(build({ version })).version, 2);
    const unique = implicit(1, unhex('00aa'));
    assert.equal(new Certificate(build({ version, tbs: (fields) => [...fields, unique] })).version, 2);
    fails(build({ version, extensions: { ca: basicConstraints(true) } }), /extensions in version 2/);
    fails(build({ version: null, tbs: (fields) => [...fields, unique] }), /a unique identifier in version 1/);
  });
  test('none above 3', () => fails(build({ version: explicit(0, integer(3)) }), /version at byte \d+: greater than 2/));
});

describe('validity', () => {
  test('in a form that is allowed', () => {
    const { notAfter } = new Certificate(build({ notAfter: tlv(0x18, Buffer.from('20300101000000Z')) }));
    assert.equal(notAfter, Date.UTC(2030, 0, 1) / 1000);
    fails(build({ notBefore: tlv(0x17, Buffer.from('2401010000Z')) }), /validity\.notBefore/);
  });
  test('two times and no more', () => {
    const validity = sequence(time(new Date(0)), time(new Date(0)), nullValue());
    fails(build({ tbs: (fields) => fields.with(4, validity) }), /validity at byte \d+: trailing bytes/);
  });
});

describe('extensions', () => {
  test('none is not an empty list', () => {
    fails(build({ tbs: (fields) => [...fields, explicit(3, sequence())] }), /extensions at byte \d+: empty/);
  });
  test('none twice', () => {
    fails(build({ extensions: { a: basicConstraints(false), b: basicConstraints(false) } }), /extensions\[1\].*twice/);
    const unknown = extension('1.2.3', nullValue());
    fails(build({ extensions: { a: unknown, b: unknown } }), /twice/);
  });
  test('critical is TRUE or left out', () => {
    failsWith(sequence(oid('1.2.3'), boolean(false), octetString()), /extensions\[0\].*FALSE is the default/);
  });
  test('unknown ones are passed over, and remembered if critical', () => {
    assert.equal(withExtension(extension('1.2.3', unhex('ff'))).extensions.unknownCritical, undefined);
    assert.equal(withExtension(extension('1.2.3', unhex('ff'), true)).extensions.unknownCritical, '2a03');
    assert.equal(
      withExtension(authorityInfoAccess('http://ca.test/', true)).extensions.unknownCritical,
      EXTENSION.authorityInfoAccess,
    );
    assert.equal(withExtension(certificatePolicies(['1.2.3'], true)).extensions.unknownCritical, undefined);
  });

  test('basicConstraints', () => {
    const read = (value: Bytes) => withExtension(value).extensions.basicConstraints;
    assert.deepEqual(read(basicConstraints(false)), { ca: false, pathLength: undefined });
    assert.deepEqual(read(basicConstraints(true, 3)), { ca: true, pathLength: 3 });
    assert.deepEqual(read(extension('2.5.29.19', sequence(boolean(false)))), { ca: false, pathLength: undefined });
    failsWith(basicConstraints(false, 3), /basicConstraints.*a path length without cA/);
    failsWith(basicConstraints(true, -1), /pathLenConstraint.*negative/);
    failsWith(extension('2.5.29.19', concat(sequence(), nullValue())), /extnValue.*trailing bytes/);
  });

  test('keyUsage', () => {
    const { keyUsage: bits } = withExtension(keyUsage(['digitalSignature', 'keyCertSign'])).extensions;
    assert.equal(bits, KEY_USAGE.digitalSignature | KEY_USAGE.keyCertSign);
    failsWith(keyUsage([]), /no bit set/);
    failsWith(extension('2.5.29.15', bitString(unhex('07'), 1)), /bits behind the last one set/);
  });

  test('extKeyUsage', () => {
    const { extKeyUsage } = withExtension(extendedKeyUsage(['serverAuth', 'any'])).extensions;
    assert.deepEqual(extKeyUsage, [PURPOSE.serverAuth, PURPOSE.any]);
    failsWith(extendedKeyUsage([]), /extKeyUsage.*empty/);
  });

  test('subjectAltName, with every kind of name', () => {
    const raw = [
      tlv(0xa0, oid('1.2.3'), explicit(0, nullValue())),
      tlv(0xa3, nullValue()),
      tlv(0xa5, nullValue()),
      implicit(8, unhex('2a03')),
    ];
    const names = { email: ['a@b.test'], dns: ['b.test'], uri: ['x:y'], ip: ['::1'], directory: [sequence()], raw };
    const { subjectAltName: read } = withExtension(subjectAltName(names)).extensions;
    const kinds = read?.map(({ kind }) => kind);
    assert.deepEqual(kinds, ['email', 'dns', 'directory', 'uri', 'ip', 'other', 'x400', 'edi', 'registered-id']);
    failsWith(subjectAltName({}), /subjectAltName.*empty/);
    failsWith(subjectAltName({ raw: [implicit(2, unhex('e9'))] }), /a character outside IA5/);
    failsWith(subjectAltName({ raw: [implicit(9, unhex('00'))] }), /not a general name/);
    failsWith(extension('2.5.29.17', unhex('6578616d706c65')), /tag/);
  });

  test('nameConstraints', () => {
    const { nameConstraints: read } = withExtension(
      nameConstraints({ permitted: { dns: ['a.test'] }, excluded: { ip: [unhex('0a000000ff000000')] } }),
    ).extensions;
    assert.deepEqual(
      read?.permitted.map(({ kind }) => kind),
      ['dns'],
    );
    assert.deepEqual(
      read?.excluded.map(({ kind }) => kind),
      ['ip'],
    );
    failsWith(nameConstraints({}), /nameConstraints.*empty/);
    failsWith(extension('2.5.29.30', sequence(explicit(0))), /permittedSubtrees.*empty/);
    const [base] = generalNames({ dns: ['a.test'] }) as [Bytes];
    failsWith(
      extension('2.5.29.30', sequence(explicit(0, sequence(base, implicit(0, unhex('00')))))),
      /trailing bytes/,
    );
  });

  test('key identifiers', () => {
    assert.deepEqual(withExtension(subjectKeyIdentifier(unhex('aa'))).extensions.subjectKeyIdentifier, unhex('aa'));
    const { authorityKeyIdentifier: plain } = withExtension(authorityKeyIdentifier(unhex('bb'))).extensions;
    assert.deepEqual(plain, { keyIdentifier: unhex('bb') });
    const issuer = implicit(1, concat(...generalNames({ dns: ['a.test'] })), 'constructed');
    const value = extension('2.5.29.35', sequence(issuer, implicit(2, unhex('05'))));
    const { authorityKeyIdentifier: named } = withExtension(value).extensions;
    assert.deepEqual(named, { keyIdentifier: undefined });
    failsWith(extension('2.5.29.35', sequence(implicit(2, unhex('0005')))), /integer longer than needed/);
  });

  test('authorityInfoAccess has at least one description', () => {
    withExtension(authorityInfoAccess('http://ca.test/'));
    failsWith(extension('1.3.6.1.5.5.7.1.1', sequence()), /authorityInfoAccess.*empty/);
  });

  test('certificatePolicies, each once, with qualifiers of any kind', () => {
    const policy = (...fields: Bytes[]) => extension('2.5.29.32', sequence(sequence(oid('2.23.140.1.2.1'), ...fields)));
    const qualifier = sequence(oid('1.3.6.1.5.5.7.2.1'), tlv(0x16, unhex('78')));
    withExtension(policy(sequence(qualifier)));
    failsWith(certificatePolicies([]), /certificatePolicies.*empty/);
    failsWith(certificatePolicies(['1.2.3', '1.2.4', '1.2.3']), /certificatePolicies\[2\].*the same policy twice/);
    failsWith(policy(sequence()), /policyQualifiers.*empty/);
    failsWith(policy(sequence(sequence(oid('1.2.3')))), /qualifier.* missing/);
    failsWith(policy(sequence(qualifier), nullValue()), /trailing bytes/);
  });

  test('policyMappings, none to or from anyPolicy', () => {
    const { policyMappings: read } = withExtension(policyMappings([['1.2.3', '1.2.4']])).extensions;
    assert.deepEqual(read, [{ from: '2a03', to: '2a04' }]);
    failsWith(policyMappings([]), /policyMappings.*empty/);
    for (const pair of [
      ['1.2.3', '2.5.29.32.0'],
      ['2.5.29.32.0', '1.2.3'],
    ] as const)
      failsWith(policyMappings([pair]), /policyMappings\[0\].*anyPolicy cannot be mapped/);
  });

  test('policyConstraints and inhibitAnyPolicy count certificates', () => {
    const constraints = (...fields: Bytes[]) => extension('2.5.29.36', sequence(...fields), true);
    const read = (...fields: Bytes[]) => withExtension(constraints(...fields)).extensions.policyConstraints;
    const [explicitPolicy, mapping] = [implicit(0, unhex('00')), implicit(1, unhex('7f'))];
    assert.deepEqual(read(explicitPolicy, mapping), { requireExplicitPolicy: 0, inhibitPolicyMapping: 127 });
    assert.deepEqual(read(mapping), { requireExplicitPolicy: undefined, inhibitPolicyMapping: 127 });
    failsWith(constraints(), /policyConstraints.*empty/);
    failsWith(constraints(mapping, explicitPolicy), /trailing bytes/);
    failsWith(constraints(implicit(0, unhex('ff'))), /requireExplicitPolicy.*negative/);
    failsWith(constraints(implicit(0, unhex('0001'))), /requireExplicitPolicy.*integer longer than needed/);
    withExtension(extension('2.5.29.54', integer(0), true));
    failsWith(extension('2.5.29.54', integer(-1), true), /inhibitAnyPolicy.*negative/);
  });

  test('cRLDistributionPoints', () => {
    const points = (...fields: Bytes[]) => extension('2.5.29.31', sequence(...fields));
    const [name, issuer] = generalNames({ uri: ['http://ca.test/'], directory: [sequence()] }) as [Bytes, Bytes];
    const [full, relative] = [explicit(0, explicit(0, issuer)), explicit(0, explicit(1, sequence(oid('1.2.3'))))];
    const read = (...fields: Bytes[]) =>
      withExtension(points(sequence(...fields))).extensions.cRLDistributionPoints?.map(({ names, limited }) => [
        names.length,
        limited,
      ]);
    assert.deepEqual(read(full), [[1, false]]);
    assert.deepEqual(read(relative), [[0, false]]);
    assert.deepEqual(read(explicit(2, issuer)), [[0, true]]);
    assert.deepEqual(read(full, implicit(1, unhex('0640')), explicit(2, name)), [[1, true]]);
    failsWith(points(), /cRLDistributionPoints.*empty/);
    failsWith(points(sequence()), /cRLDistributionPoints\[0\].*neither a name nor an issuer/);
    failsWith(points(sequence(explicit(0, explicit(0)))), /fullName.*empty/);
    failsWith(points(sequence(explicit(0, explicit(1)))), /nameRelativeToCRLIssuer.*empty/);
    failsWith(points(sequence(explicit(0, explicit(2, name)))), /tag 0xa2 where 0xa1 belongs/);
    failsWith(points(sequence(full, full)), /trailing bytes/);
  });

  test('TLS features', () => {
    assert.deepEqual(withExtension(tlsFeature([5, 17])).extensions.tlsFeatures, [5, 17]);
    failsWith(tlsFeature([]), /tlsFeature.*empty/);
    failsWith(tlsFeature([65_536]), /tlsFeature.*greater than 65535/);
  });
});

describe('an error says where: the byte from the start of the certificate, and the field', () => {
  const BAD = unhex('0101aa');
  const names = sequence(explicit(4, sequence(tlv(0x31, sequence(oid('2.5.4.3'), tlv(0x13, unhex('2a')))))));
  const cases: Readonly<Record<string, readonly [CertificateOptions, string, Bytes]>> = {
    'in the third extension': [
      {
        extensions: {
          basicConstraints: basicConstraints(false),
          keyUsage: keyUsage(['digitalSignature']),
          odd: sequence(oid('1.2.3'), BAD, octetString()),
        },
      },
      'tbsCertificate.extensions[2].critical',
      BAD,
    ],
    'in a name deep in an extension': [
      { extensions: { names: extension('2.5.29.17', names) } },
      'tbsCertificate.extensions[0].extnValue.subjectAltName[0].directoryName[0][0].value',
      unhex('13012a'),
    ],
    'in the subject': [
      { subject: sequence(tlv(0x31, sequence(oid('2.5.4.3'), tlv(0x13, unhex('2a'))))) },
      'tbsCertificate.subject[0][0].value',
      unhex('13012a'),
    ],
    'in the validity': [{ notAfter: tlv(0x17, unhex('2a')) }, 'tbsCertificate.validity.notAfter', unhex('17012a')],
    'in the serial number': [
      { serial: unhex('020200aa').fill(0, 3) },
      'tbsCertificate.serialNumber',
      unhex('02020000'),
    ],
  };
  const errorOf = (read: () => unknown): DerError => {
    try {
      read();
    } catch (error) {
      if (error instanceof DerError) return error;
      throw error;
    }
    return assert.fail('read');
  };
  const pointsTo = (error: DerError, der: Bytes, path: string, bytes: Bytes): void => {
    assert.equal(error.path, path);
    assert.deepEqual(der.subarray(error.offset, error.offset + bytes.length), bytes);
  };
  for (const [name, [options, path, bytes]] of Object.entries(cases))
    test(name, () => {
      const der = build({ issuerName: commonName('issuer'), ...options });
      pointsTo(
        errorOf(() => new Certificate(der)),
        der,
        path,
        bytes,
      );
    });
  test('in the key, which is read later', () => {
    const rsa = (key: Bytes) => sequence(sequence(oid('1.2.840.113549.1.1.1'), nullValue()), bitString(key));
    const [odd, negative] = [rsa(sequence(BAD)), rsa(sequence(unhex('02020001'), integer(3)))];
    for (const [spki, path, bytes] of [
      [odd, 'tbsCertificate.subjectPublicKeyInfo.subjectPublicKey.modulus', BAD],
      [negative, 'tbsCertificate.subjectPublicKeyInfo.subjectPublicKey.modulus', unhex('02020001')],
      [sequence(sequence(BAD), bitString(unhex('00'))), 'tbsCertificate.subjectPublicKeyInfo.algorithm.algorithm', BAD],
    ] as const) {
      const der = build({ spki });
      pointsTo(
        errorOf(() => readPublicKey(new Certificate(der).spki, der)),
        der,
        path,
        bytes,
      );
    }
  });
});
