import { ascii } from '../../../src/core/bytes.ts';
import { TLS12_SUITES, type Tls12SuiteName } from '../../../src/crypto/cipher-suites.ts';
import type { NamedGroup } from '../../../src/crypto/provider.ts';
import { CONTENT_TYPE, EXTENSION, SIGNALING_SUITE } from '../../../src/engine/codec/registry.ts';
import { heldCredential, plainRecord, withExtensions } from '../../support/pair13.ts';
import { type HeldCredential, softwareKeys } from '../../support/software-keys.ts';
import { RECORDED_AT_MS, type Scenario, type Scene } from '../scenario.ts';

const one = (scene: Scene): Scenario => ({ version: 'TLSv1.2', connections: [scene] });
const two = (first: Scene, second: Scene): Scenario => ({ version: 'TLSv1.2', connections: [first, second] });

/** CCM, which one runtime lacks, is opt-in. */
const SUITES = (Object.keys(TLS12_SUITES) as Tls12SuiteName[]).filter((suite) => !suite.includes('CCM'));
/** But for the usual one. */
const GROUPS: readonly NamedGroup[] = ['secp256r1', 'secp384r1', 'secp521r1'];

const RSA_KEYS = softwareKeys([heldCredential('rsa-2048')]);
const CLIENT_KEYS = softwareKeys([heldCredential('ed25519', 'client')]);
const STAPLED: HeldCredential = { ...heldCredential('ed25519'), ocspResponse: ascii('an OCSP response') };

const TICKETS: Scene = { client: { keepTickets: true }, server: { ticketLifetimeSeconds: 3600 } };
const laterBy = (seconds: number): Scene => {
  const now = () => RECORDED_AT_MS + 1000 * seconds;
  return { client: { ...TICKETS.client, now }, server: { ...TICKETS.server, now } };
};

/** What goes as RFC 5246 and those that mend it have it. */
export const TLS12_SCENARIOS: Readonly<Record<string, Scenario>> = {
  ...Object.fromEntries(
    SUITES.map((suite) => [
      `TLS 1.2: a full handshake with ${suite}`,
      one({
        client: { tls12Suites: [suite] },
        server: { tls12Suites: [suite] },
        ...(suite.includes('RSA') ? { serverKeys: RSA_KEYS } : {}),
      }),
    ]),
  ),
  ...Object.fromEntries(
    GROUPS.map((group) => [
      `TLS 1.2: a full handshake with ${group}`,
      one({ client: { groups: [group], keyShareGroups: [] }, server: { groups: [group] } }),
    ]),
  ),
  'TLS 1.2: signed with RSASSA-PKCS1-v1_5': one({
    client: { signatureSchemes: ['rsa_pkcs1_sha256'] },
    serverKeys: RSA_KEYS,
  }),

  // Versions

  'TLS 1.2: a client of both versions, with a server of this one': one({
    client: { maxVersion: 'TLSv1.3', suites: ['TLS_AES_128_GCM_SHA256'] },
  }),
  'TLS 1.2: a server of both versions writes the downgrade sentinel for a client of this one': one({
    server: { maxVersion: 'TLSv1.3' },
  }),
  'TLS 1.2: the signaling suite stands for renegotiation_info': one({
    offers: (hello) => ({
      ...withExtensions(hello, { [EXTENSION.renegotiation_info]: null }),
      cipherSuites: [...hello.cipherSuites, SIGNALING_SUITE.renegotiation_info],
    }),
    toClient: () => [],
  }),
  'TLS 1.2: the fallback suite does no harm where there is nothing better': one({
    offers: (hello) => ({ ...hello, cipherSuites: [...hello.cipherSuites, SIGNALING_SUITE.fallback] }),
  }),

  // Tickets

  'TLS 1.2: a resumption by ticket': two(TICKETS, laterBy(60)),
  'TLS 1.2: a resumption keeps the identity of the client': two(
    { ...TICKETS, server: { ...TICKETS.server, clientCertificate: 'required' }, clientKeys: CLIENT_KEYS },
    { ...TICKETS, server: { ...TICKETS.server, clientCertificate: 'required' } },
  ),
  'TLS 1.2: a ticket that its keeper does not know makes a full handshake, and a new ticket': two(TICKETS, {
    ...TICKETS,
    serverKeys: softwareKeys([heldCredential('ed25519')]),
  }),
  'TLS 1.2: a ticket of another certificate policy makes a full handshake': two(TICKETS, {
    ...TICKETS,
    server: { ...TICKETS.server, certificatePolicy: 'other' },
  }),
  'TLS 1.2: a ticket that is too old is not offered': two(TICKETS, laterBy(3600)),
  'TLS 1.2: no ticket for a client that knows none': one({ server: { ticketLifetimeSeconds: 3600 } }),

  // Certificates

  'TLS 1.2: a client certificate is required, and given': one({
    server: { clientCertificate: 'required' },
    clientKeys: CLIENT_KEYS,
  }),
  'TLS 1.2: a client certificate is asked for, and there is none': one({ server: { clientCertificate: 'optional' } }),
  'TLS 1.2: a stapled OCSP response': one({ serverKeys: softwareKeys([STAPLED]) }),

  // Extensions and records

  'TLS 1.2: ALPN, by the preference of the server': one({
    client: { alpn: ['http/1.1', 'h2'] },
    server: { alpn: ['h2', 'http/1.1'] },
  }),
  'TLS 1.2: record_size_limit of both ends': one({
    client: { recordSizeLimit: 64 },
    server: { recordSizeLimit: 100 },
    afterwards: async ({ client, server, exchange }) => {
      client.connection.send(new Uint8Array(150).fill(0x61));
      server.connection.send(new Uint8Array(150).fill(0x62));
      await exchange();
    },
  }),
  'TLS 1.2: an end hears its peer byte by byte': one({
    toServer: (bytes) => [...bytes].map((byte) => Uint8Array.of(byte)),
    toClient: (bytes) => [...bytes].map((byte) => Uint8Array.of(byte)),
  }),
  'TLS 1.2: a warning before the handshake is no reason to fail': one({
    toServer: (bytes) => [plainRecord(CONTENT_TYPE.alert, Uint8Array.of(1, 112)), bytes],
    afterwards: () => {},
  }),

  // The open connection

  'TLS 1.2: new keys are nothing that this version has': one({
    afterwards: ({ client }) => client.connection.updateKeys(),
  }),
  'TLS 1.2: a half-close lets the peer finish what it says': one({
    afterwards: async ({ client, server, exchange }) => {
      client.connection.closeWrite();
      await exchange();
      server.connection.send(ascii('an answer'));
      server.connection.closeWrite();
    },
  }),
  'TLS 1.2: an exporter, with an empty context and with none': one({
    afterwards: ({ client, server }) => {
      for (const { connection } of [client, server])
        for (const context of [null, new Uint8Array(0)])
          connection.exportKeyingMaterial('EXPORTER-tlsify-test', context, 32);
    },
  }),
  'TLS 1.2: the line of a key log, where it was asked for': one({
    client: { insecureKeyLog: true },
    server: { insecureKeyLog: true },
  }),
};
