import { type Bytes, latin1 } from '../core/bytes.ts';
import { TlsError } from '../core/failures.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { decodeProtocolNames } from '../engine/codec/extensions.ts';
import { type ClientHello, decodeClientHello } from '../engine/codec/messages.ts';
import { EXTENSION, HANDSHAKE_TYPE } from '../engine/codec/registry.ts';
import { checkAlpn, requireVersions } from '../engine/config.ts';
import type { CertificateQuestion } from '../engine/connection.ts';
import { chooseProtocol, readClientOffer, readHostName } from '../engine/server/client-offer.ts';
import type { ServerConfig } from '../engine/server-config.ts';
import { readClientOffer as readClientOffer12 } from '../engine/tls12/server/client-offer.ts';
import { OpenSslConnection, type PrivateKeys } from './connection.ts';
import type { OpenSsl } from './library.ts';
import { createConnection, protocolList } from './policy.ts';
import type { Role } from './role.ts';

/** What a server of OpenSSL's has in its process, where the engine's has nothing but questions. */
export interface ServerSecrets {
  readonly keys: PrivateKeys;
  /** 80 bytes, the same for all connections that are to take each other's tickets; null gives and takes none. */
  readonly ticketKeys: Bytes | null;
}

/**
 * The server's end of a connection that the system's OpenSSL makes. The private key is in this process: this backend cannot keep it
 * apart. Of the configuration it does not use `certificateSignatureSchemes`, `certificateCompressions`, `certificateAuthorities`,
 * `recordSizeLimit`, `maxFragment`, `recordsPerKey`, `statelessRetry` and `grease`; and it resumes no session whose client may have
 * shown a certificate.
 */
export class OpenSslServer extends OpenSslConnection {
  /** @throws RangeError for a configuration that cannot work, or that asks for `padding`, `insecureKeyLog` or Encrypted Client Hello */
  constructor(
    config: ServerConfig,
    openSsl: OpenSsl,
    { keys, ticketKeys }: ServerSecrets,
    crypto: Pick<CryptoProvider, 'hash'>,
  ) {
    const { library } = openSsl;
    requireVersions(config);
    checkAlpn(config.alpn);
    if (config.padding !== null) throw new RangeError('padding: not with OpenSSL');
    if (config.ech.length > 0) throw new RangeError('ech: not with OpenSSL');
    if (config.insecureKeyLog) throw new RangeError('insecureKeyLog: not with OpenSSL');
    const { clientCertificate, ticketLifetimeSeconds } = config;
    const tickets = ticketKeys !== null && ticketLifetimeSeconds > 0 && clientCertificate === 'none';
    const handle = createConnection(openSsl, 'server', tickets ? 'tickets' : 'no-tickets', config);
    library.setVerify(handle, SSL_VERIFY[clientCertificate]);
    if (config.alpn.length > 0) library.setProtocols(handle, protocolList(config.alpn));
    if (tickets) {
      library.giveTickets(handle, ticketKeys, config.ticketCount, ticketLifetimeSeconds);
    }
    super(library, handle, new ServerRole(config, crypto), keys);
  }
}

class ServerRole implements Role {
  readonly role = 'server';
  readonly resumes = null;
  readonly verifiesLate: boolean;
  readonly alpn: readonly string[];
  readonly #config: ServerConfig;
  readonly #crypto: Pick<CryptoProvider, 'hash'>;
  /** Undefined until a certificate was asked for. */
  #certifiedName: string | null | undefined;

  constructor(config: ServerConfig, crypto: Pick<CryptoProvider, 'hash'>) {
    this.verifiesLate = config.clientCertificate !== 'none';
    this.alpn = config.alpn;
    this.#config = config;
    this.#crypto = crypto;
  }

  serverName(message: (type: number) => Bytes | undefined): string | null {
    const body = message(HANDSHAKE_TYPE.client_hello);
    const name = body === undefined ? null : serverNameIn(decodeClientHello(body));
    // RFC 8446 section 4.1.2, which OpenSSL does not look at: the certificate is the first ClientHello's.
    if (this.#certifiedName !== undefined && name !== this.#certifiedName)
      throw new TlsError('changed-client-hello', 'server_name');
    return name;
  }

  /** What the engine's are: of the name, the protocol and the policy (RFC 6066 section 3, RFC 7301 section 3.1). */
  ticketContext(clientHello: Bytes): Bytes {
    const { alpn, certificatePolicy } = this.#config;
    const hello = decodeClientHello(clientHello);
    const offered = hello.extensions.get(EXTENSION.application_layer_protocol_negotiation);
    const protocol = offered === undefined ? null : chooseProtocol(alpn, decodeProtocolNames(offered).map(latin1));
    const terms = JSON.stringify([certificatePolicy, serverNameIn(hello), protocol]);
    return this.#crypto.hash('sha256', new TextEncoder().encode(terms));
  }

  question(message: (type: number) => Bytes | undefined, tls12: boolean): CertificateQuestion {
    const body = message(HANDSHAKE_TYPE.client_hello);
    if (body === undefined) throw new TlsError('internal-error', 'a question before a ClientHello');
    const hello = decodeClientHello(body);
    this.#certifiedName = serverNameIn(hello);
    const asked = { effect: 'choose-certificate', role: 'server' } as const;
    if (tls12) {
      const { alpnOffered, groups: curves, schemes, ...offer } = readClientOffer12(this.#config, hello);
      const { serverName, authorities, ocspRequested } = offer;
      const accepted = { schemes, curves, certificateSchemes: schemes, authorities, ocspRequested };
      return { ...asked, version: 'TLSv1.2', serverName, alpnOffered, ...accepted };
    }
    const { serverName, alpn: alpnOffered, schemes, ...offer } = readClientOffer(hello, 'not-offered');
    if (schemes === null) throw new TlsError('missing-extension', 'signature_algorithms in ClientHello');
    const { certificateSchemes, authorities, ocspRequested } = offer;
    const accepted = { schemes, curves: null, certificateSchemes, authorities, ocspRequested };
    return { ...asked, version: 'TLSv1.3', serverName, alpnOffered, ...accepted };
  }

  ticketOf(): null {
    return null;
  }
}

function serverNameIn({ extensions }: ClientHello): string | null {
  const name = extensions.get(EXTENSION.server_name);
  return name === undefined ? null : readHostName(name);
}

/** openssl/ssl.h: VERIFY_PEER, and FAIL_IF_NO_PEER_CERT. */
const SSL_VERIFY = { none: 0, optional: 1, required: 3 } as const satisfies Record<
  ServerConfig['clientCertificate'],
  number
>;
