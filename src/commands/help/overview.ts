import type { Block } from './document.ts';
import { TOPICS } from './topics.ts';

/** `tlsify --help`. */
export function overview(): readonly Block[] {
  return [
    'tlsify: TLS in a process of its own.',
    {
      terms: [
        ['tlsify connect HOST:PORT', 'a verified TLS connection on standard input and output'],
        ['tlsify check HOST:PORT', 'what the certificates of a server, or in files, are worth, and why'],
        ['tlsify shims DIR', 'links for programs that call `openssl s_client` or `ssl_client`'],
        ['tlsify help [TOPIC]', 'this, or a page of the manual'],
        ['tlsify --version', 'the version'],
      ],
    },
    { heading: 'Topics' },
    { terms: TOPICS.map(({ name, summary }) => [name, summary]) },
  ];
}
