import { REMARKS } from '../../x509/examination.ts';
import { CHECK_OPTIONS } from '../check-options.ts';
import type { Document } from './document.ts';
import { optionTerms } from './options.ts';

/** `tlsify check --help`. */
export const CHECK: Document = {
  name: 'check',
  summary: 'what a chain of certificates is worth, and what is wrong at each step',
  blocks: [
    { example: ['tlsify check [OPTION…] HOST:PORT', 'tlsify check [OPTION…] FILE…'] },
    'Makes a handshake with the server, sends it no data, and prints its certificates as a tree: the first is its own, and below each stand those that have issued it, up to the trusted one. Or does the same with the certificates in files (PEM, or one in DER), which together are one chain. The verdict is that of `tlsify connect`; what is wrong is said of each certificate, and not only the first that would do.',
    'The certificates are decoded in the sandbox, as in connect; for files it is one without any network. A server whose certificate is rejected still gets a complete handshake, so that the key is checked as well, and then the end of the connection.',
    { heading: 'Options' },
    optionTerms(CHECK_OPTIONS),
    { heading: 'How it ends' },
    {
      terms: [
        ['0', 'accepted, and nothing is to be done; notes do not count'],
        [
          '1',
          'accepted, with warnings: it expires within --warn-days, the order is wrong, the stapled OCSP response is out of date',
        ],
        ['77', 'rejected: connect would refuse it; or it is not for the key of --key'],
        ['others', 'there was nothing to check: see `tlsify help exit-codes`'],
      ],
    },
    'Codes of what is found, `why` in the JSON, are those of `tlsify help failures`, and:',
    { terms: Object.entries(REMARKS) },
    'With `--json`, one object: `target`, `verdict` (accepted, warnings, rejected, failed), `exit`, `failure` (why, detail, advice) or null, `address`, `session` (version, suite, group, signatureScheme, alpn, serverName) or null, `matched`, `remarks` of the chain as a whole (severity: error, warning, note; why; detail), and `certificates`, those that were sent first: `number`, `sent`, `trusted` (public, private or null), `onPath`, `issuers` (numbers), `remarks`, `subject`, `issuer`, `serialNumber`, `names`, `notBeforeSeconds`, `notAfterSeconds`, `daysLeft`, `key`, `signature`, `certificateSha256`, `spkiSha256`. Members may be added in later versions.',
    { heading: 'Examples' },
    {
      example: [
        'tlsify check example.com:443',
        'tlsify check --warn-days 14 --quiet example.com:443 || echo "see to the certificate of example.com"',
        'tlsify check --name dns:www.example.com --key key.pem chain.pem',
      ],
    },
  ],
};
