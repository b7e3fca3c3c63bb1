import type { ClosedLine, FailedLine, ReadyLine, StatusLine } from '../status.ts';
import type { Document } from './document.ts';

type Members<Line extends StatusLine> = Readonly<Record<Exclude<keyof Line, 'event'>, string>>;

/** Each member of each status line, in words: for `tlsify help status` and docs/contract.md. */
export const STATUS_MEMBERS = {
  ready: {
    version: '`TLSv1.3` or `TLSv1.2`',
    suite: "the cipher suite, by the registry's name",
    group:
      'the group of the key exchange that the keys come from (where TLS 1.2 resumes, that of the first handshake), or null',
    signatureScheme:
      'what the server signed with when it proved who it is (where a session is resumed, in the first handshake), or null',
    alpn: 'the application protocol that was chosen, or null',
    serverName: 'the name that the server was asked for, or null',
    resumed: 'whether an earlier session was taken up',
    helloRetryRequest: 'whether the server asked for another key share first',
    ech: 'Encrypted Client Hello: `accepted` by the server, as always with `--ech`; `grease`, sent without a meaning; or `not-offered`',
    peer: 'null, or an object: `verified`, `matched` (the names that were proven, as in `--name`), `subject` (for display only), `spkiSha256`, `certificateSha256`, `notAfterSeconds`',
    address: 'the address at the other end',
    sandbox: 'the level that was asked for: `strict`, `standard` or `off`',
    sandboxMissing:
      'the parts of that level that are not in force, each of which `--sandbox-without` allowed: a list, empty when all of it is',
    backend: 'who speaks TLS: `tlsify`, or `openssl` with `--backend openssl`',
  },
  failed: {
    why: 'the stable code of the failure: see `tlsify help failures`',
    kind: 'who is to blame: peer-misbehaved, peer-incompatible, peer-refused, certificate-rejected, truncated, cannot-connect, timeout, input-output, configuration, internal',
    detail: 'what was found, for people; not always there',
    advice: 'what to do, for people',
    exit: 'the exit code',
    echRetryConfigs:
      'of `ech-rejected`: what to give to `--ech` next time, in base64, as the server proposes; not there if it proposes nothing, or more than 4 KiB',
    sentBytes: 'plain bytes taken from the application, if the handshake was complete',
    receivedBytes: 'plain bytes that the application took, if the handshake was complete',
  },
  closed: {
    sentBytes: 'plain bytes taken from the application',
    receivedBytes: 'plain bytes that the application took',
    signal: 'the signal that ended the session, if one did',
    exit: 'the exit code',
  },
} as const satisfies {
  readonly ready: Members<ReadyLine>;
  readonly failed: Members<FailedLine>;
  readonly closed: Members<ClosedLine>;
};

/** `tlsify help status`. */
export const STATUS: Document = {
  name: 'status',
  summary: 'the JSON lines of --status-fd',
  blocks: [
    'With `--status-fd N`, descriptor N receives one JSON object a line. `ready` comes once, when the handshake is complete; `failed` or `closed` comes last. Members may be added in later versions.',
    {
      example: [
        '{"event":"ready","version":"TLSv1.3","suite":"TLS_AES_128_GCM_SHA256","group":"X25519MLKEM768",',
        ' "signatureScheme":"ecdsa_secp256r1_sha256","alpn":null,"serverName":"example.com","resumed":false,',
        ' "helloRetryRequest":false,"ech":"grease",',
        ' "peer":{"verified":true,"matched":["dns:example.com"],"subject":"CN=example.com",',
        ' "spkiSha256":"…","certificateSha256":"…","notAfterSeconds":1800000000},',
        ' "address":"192.0.2.1:443","sandbox":"standard","sandboxMissing":[],"backend":"tlsify"}',
        '{"event":"failed","why":"certificate-expired","kind":"certificate-rejected","detail":"…","advice":"…","exit":77}',
        '{"event":"closed","sentBytes":120,"receivedBytes":48231,"exit":0}',
      ],
    },
    ...Object.entries(STATUS_MEMBERS).flatMap(([event, members]) => [
      { heading: event },
      { terms: Object.entries(members) },
    ]),
    'In sh, with the status in a file and the data as usual:',
    { example: ['tlsify connect --status-fd 3 example.com:443 3>status.json'] },
  ],
};
