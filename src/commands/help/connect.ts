import { CONNECT_OPTIONS } from '../connect-options.ts';
import type { Document } from './document.ts';
import { optionTerms } from './options.ts';

/** `tlsify connect --help`. */
export const CONNECT: Document = {
  name: 'connect',
  summary: 'a verified TLS connection as plain bytes on standard input and output',
  blocks: [
    { example: ['tlsify connect [OPTION…] HOST:PORT', 'tlsify connect [OPTION…] --net-fd N --name ID'] },
    'Dials the host, or takes a connected socket from its caller; gives up all authority that it does not need; makes a connection of TLS 1.3, or of TLS 1.2 with ephemeral keys, AEAD and extended master secret if the server has nothing newer; verifies who is at the other end; and then copies plain bytes between that connection and standard input and output, or one descriptor for both.',
    { heading: 'Options' },
    optionTerms(CONNECT_OPTIONS),
    { heading: 'How it ends' },
    'The end of the input is told to the server (close_notify), and what it still sends is received; with `--keep-open` it is left to end the connection itself. When the server ends its side, standard output is closed, and the input is still sent, unless it comes from a terminal. A connection that ends without a close_notify is reported as truncated, after all data that came before has been delivered. `SIGTERM` and `SIGINT` tell the server and end the session; the exit code is then 128 and the number of the signal.',
    { heading: 'Examples' },
    {
      example: [
        "printf 'GET / HTTP/1.0\\r\\nHost: example.com\\r\\n\\r\\n' | tlsify connect -k example.com:443",
        'tlsify connect imap.example.com:993',
        'tlsify connect --ca ca.pem --name dns:db.internal 192.0.2.7:5433',
        "ssh -o ProxyCommand='tlsify connect %h:%p' host.example",
      ],
    },
    'See also: `tlsify help exit-codes`, `names`, `trust`, `ech`, `isolation`, `status`.',
  ],
};
