import { MECHANISMS, NOT_STOPPED } from '../../isolation/mechanisms.ts';
import { CHECK } from './check.ts';
import { CONNECT } from './connect.ts';
import type { Document } from './document.ts';
import { EXIT_CODES, FAILURE_CODES } from './exit-codes.ts';
import { STATUS } from './status.ts';

const ISOLATION: Document = {
  name: 'isolation',
  summary: 'what the process that parses TLS can still do',
  blocks: [
    'All that needs authority happens first: name look-up, dialling, reading CA files. Then the process gives its authority away for good, and only then reads the first byte from the network. So whoever finds a defect in its parsers has a process that can talk on the descriptors it has, and nothing else.',
    {
      terms: [
        ['standard', 'the default: works for every user, in most containers'],
        ['strict', 'standard, and empty namespaces and an empty root directory besides'],
        ['off', 'nothing: for systems on which nothing else works'],
      ],
    },
    'If a part of the chosen level cannot be applied, tlsify names it and refuses to run (exit code 78). `--sandbox-without PART` goes on without that part; it may be repeated.',
    { heading: 'Parts' },
    {
      terms: Object.entries(MECHANISMS).map(([name, { level, effect, advice }]) => [
        `${name} (${level})`,
        `${effect}. Where it cannot be had: ${advice}`,
      ]),
    },
    { heading: 'Limits' },
    'The process knows the keys of its one session and its plain bytes: isolation does not hide those from a defect in the parser. It protects everything else: other sessions, the calling program, files, keys, and the network.',
    'All this holds with `--backend openssl`, too, where the code that parses is C. That backend cannot keep a private key in another process; no command gives it one yet.',
    `Nothing in it stops: ${NOT_STOPPED.join('; ')}.`,
  ],
};

const NAMES: Document = {
  name: 'names',
  summary: 'who the server must prove to be',
  blocks: [
    'The reference identifiers (RFC 9525) are fixed before the handshake. The host of HOST:PORT is the default; each `--name` given takes its place. With `--net-fd` there is no host, so that at least one `--name` is required. The certificate must match one of them, and one of the pins if there are any (`--pin`).',
    {
      terms: [
        [
          'dns:NAME',
          'a DNS name among the subject alternative names; a wildcard stands for one whole left-most label; the common name is not looked at',
        ],
        ['ip:ADDRESS', 'an IP address among the subject alternative names'],
        ['email:MAILBOX', 'a mailbox among the subject alternative names'],
        ['srv:_SERVICE.NAME', 'a service of a domain (SRVName) among the subject alternative names'],
        [
          'uri:URI',
          'a URI among the subject alternative names: of that scheme and host, or, if there is a path here, exactly that one',
        ],
        [
          'spki-sha256:DIGEST',
          'no name: the key alone says who it is, by the SHA-256 of its SubjectPublicKeyInfo in hexadecimal or base64. The chain is verified as well. It cannot be mixed with names',
        ],
        ['NAME or ADDRESS', 'dns:NAME or ip:ADDRESS'],
      ],
    },
    '`--pin spki-sha256:DIGEST` is another thing: the key that the server must have in addition to its name.',
    'Names with other than ASCII letters are converted to A-labels. A final dot is taken for what it is: the name is complete, and is compared without the dot. `--sni` changes only the name by which the server is asked, never what is verified.',
    'No option means "verify the chain but not the name". `--insecure-no-verify` verifies nothing, and says so on standard error each time.',
    'The pin of a server that you have reason to trust now:',
    {
      example: [
        'tlsify connect --status-fd 3 example.com:443 </dev/null 3>&1 >/dev/null | grep -o \'"spkiSha256":"[^"]*"\'',
      ],
    },
  ],
};

const TRUST: Document = {
  name: 'trust',
  summary: 'which CAs are trusted, and what they have revoked',
  blocks: [
    "The system's store by default: the file that `SSL_CERT_FILE` names, or the directories of `SSL_CERT_DIR`, else the one of this system (Debian: /etc/ssl/certs/ca-certificates.crt, package ca-certificates).",
    {
      terms: [
        ['--ca FILE', 'trusts the certificates of this PEM file besides'],
        ['--ca DIRECTORY', 'trusts the certificates in this directory besides'],
        ['--mozilla-ca', "trusts Mozilla's CAs instead of the system's"],
        ['--no-system-ca', 'trusts those of --ca only'],
        ['--crl FILE', 'refuses what the CRLs in this file list, of CAs in the chain'],
        ['--revocation hard', 'refuses also what nothing shows to be good'],
      ],
    },
    "With `--mozilla-ca` the store is Mozilla's as it was when this release was built: the same on every machine, and as old as the release. Neither it nor the system's bundle says from when on Mozilla distrusts a CA that it still has (distrust-after), so that it is not known here.",
    'A file of --ca that cannot be read, or has no certificate in it, is an error (exit code 78), and never ignored. A certificate of --ca may also be that of the server itself, if it is self-signed.',
    'A file of --crl is read the same way: complete CRLs that their CA has signed itself; delta and indirect ones are refused. A list that is out of date says nothing about what is not in it. OCSP responses that the server staples are checked always, and nothing is ever fetched.',
  ],
};

const ECH: Document = {
  name: 'ech',
  summary: 'how to keep the name that a server is asked for from the network',
  blocks: [
    'The name that a server is asked for (SNI) crosses the network where everybody can read it. With `--ech` it is encrypted for a key that the server has published (Encrypted Client Hello, RFC 9849), and only the public name of that key is seen, which many sites may share.',
    {
      terms: [
        ['--ech LIST', "the server's ECHConfigList in base64: what its HTTPS record in DNS has behind `ech=`"],
        ['--ech @FILE', 'the same text from a file; the ends of lines do no harm'],
      ],
    },
    {
      example: [
        'tlsify connect --ech "$(dig +short HTTPS example.com | sed -n \'s/.* ech=\\([^ ]*\\).*/\\1/p\')" example.com:443',
      ],
    },
    'The name is sent encrypted or not at all. In the status line `ready`, `ech` is then `accepted`. A server that cannot read what was encrypted for it proves by its certificate to be the public name, and may propose other configurations; the run ends with exit code 76 (`ech-rejected`), and the second line of the message and `echRetryConfigs` in the status line `failed` have what to give to `--ech` in the next run. Try that once. If the server proposes nothing, it has switched Encrypted Client Hello off, and whether to connect without it is for you to say. If it does not prove to be the public name, the exit code is 77, and nothing that it says counts.',
    'A LIST that cannot be decoded is a mistake in the command line (exit code 64); a file that cannot be used, and a list of which tlsify can use nothing, are `ech-list-unusable` (exit code 78). In each case nothing has been dialled.',
    'Still seen are the address, and the name itself where it is looked up in DNS, unless that is encrypted as well: dial an address, with `--name` and `--sni`, if it was looked up in another way.',
    '`--ech` needs verification and TLS 1.3: it is refused together with `--insecure-no-verify`, `--max-version 1.2` and `--backend openssl`. Without it, each ClientHello of TLS 1.3 has an extension that looks the same and means nothing (GREASE), so that those who use it do not stand out.',
  ],
};

const ENVIRONMENT: Document = {
  name: 'environment',
  summary: 'variables that tlsify reads, and those that it does not let in',
  blocks: [
    {
      terms: [
        ['SSL_CERT_FILE', 'the default trust store: a PEM file'],
        ['SSL_CERT_DIR', 'the default trust store: directories, with colons between them'],
      ],
    },
    'No other variable changes what is verified, and nothing secret is ever read from the environment or from arguments.',
    "`--backend openssl` reads no configuration of OpenSSL's: `OPENSSL_CONF`, `OPENSSL_MODULES` and `OPENSSL_ENGINES` do nothing.",
    'The launcher sets `BUN_JSC_useJIT=0`, `BUN_JSC_useConcurrentGC=0` and `BUN_JSC_numberOfGCMarkers=1`, so that the process has one thread and no memory that is both writable and executable; and it takes away what reaches into a process from outside: `BUN_*`, `NODE_*`, `LD_*`, `MALLOC_*`, `GLIBC_TUNABLES`, `GCONV_PATH`, `JSC_*`.',
  ],
};

const SHIMS: Document = {
  name: 'shims',
  summary: 'programs that already call a TLS helper, unmodified',
  blocks: [
    { example: ['tlsify shims DIR'] },
    'writes links to tlsify into DIR, by the names under which programs call their TLS helper. Put DIR first in the PATH of such a program, and it speaks verified TLS:',
    { example: ['tlsify shims ~/shims', 'PATH=~/shims:$PATH busybox wget https://example.com/'] },
    {
      terms: [
        [
          'openssl',
          'answers to `openssl s_client -quiet -connect HOST:PORT`, with -servername, -verify, -verify_return_error, -verify_hostname, -verify_ip, -verify_quiet, -CAfile, -CApath, -alpn, -tls1_2, -tls1_3 and -ign_eof',
        ],
        ['ssl_client', 'answers to `ssl_client -s FD -n NAME`, with -e: the socket is inherited'],
      ],
    },
    'The certificate is always verified, the name included, also where the original would not (`s_client` without -verify_return_error goes on after a failure; `ssl_client` verifies nothing). So `wget --no-check-certificate` makes no difference. Any other argument is refused with exit code 64: a shim does what was asked, or nothing.',
  ],
};

/** All pages but the overview, in the order in which they are listed. */
export const TOPICS: readonly Document[] = [
  CONNECT,
  CHECK,
  NAMES,
  TRUST,
  ECH,
  ISOLATION,
  EXIT_CODES,
  FAILURE_CODES,
  STATUS,
  ENVIRONMENT,
  SHIMS,
];
