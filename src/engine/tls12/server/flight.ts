import { TlsError } from '../../../core/failures.ts';
import { TLS12_SUITES } from '../../../crypto/cipher-suites.ts';
import { NAMED_GROUPS } from '../../../crypto/named-groups.ts';
import type { SignatureScheme } from '../../../crypto/provider.ts';
import { SIGNATURE_SCHEMES, signatureSchemeByCodePoint } from '../../../crypto/signature-schemes.ts';
import { signedBytes } from '../../../crypto/signed-content.ts';
import { decodeCertificateVerify } from '../../codec/messages.ts';
import { decodeCertificate12, decodeClientKeyExchange } from '../../codec/messages12.ts';
import { HANDSHAKE_TYPE } from '../../codec/registry.ts';
import { logSecrets } from '../../key-log.ts';
import { type Event, expectAnswer, expectMessage, type Step } from '../../machine.ts';
import { keyTypeOf, requireCertificates } from '../../peer-certificate.ts';
import { RULES } from '../../record/incoming.ts';
import { extendedMasterSecret, protection12 } from '../../schedule/schedule12.ts';
import type { ServerContext } from '../../server/states.ts';
import type { ServerConfig } from '../../server-config.ts';
import { signsAs, verifiedAs } from '../signatures12.ts';
import type {
  AwaitAgreement12,
  AwaitCertificateVerification12,
  AwaitSignatureVerification12,
  ExpectCertificate12,
  ExpectCertificateVerify12,
  ExpectKeyExchange,
  Keyed,
  ServerState12,
} from './states.ts';

/** RFC 5246 section 7.4.6. */
export function onCertificate12(
  { config }: ServerContext,
  state: ExpectCertificate12,
  event: Event,
): Step<ServerState12> {
  const { message } = expectMessage(event, HANDSHAKE_TYPE.certificate);
  const chain = decodeCertificate12(message.body);
  requireCertificates(chain);
  state.transcript.add(message.whole);
  if (chain.length === 0) {
    if (config.clientCertificate === 'required') throw new TlsError('tls12-client-certificate-missing');
    state.transcript.forgetMessages();
    return { state: { ...state, state: 'tls12-expect-key-exchange', client: null }, actions: [] };
  }
  return {
    state: { ...state, state: 'tls12-await-certificate-verification' },
    actions: [{ action: 'ask', effect: { effect: 'verify-certificate', chain, publicName: null } }],
  };
}

/** The client's chain is good; that it has the key is for CertificateVerify to show. */
export function onCertificateVerified12(state: AwaitCertificateVerification12, event: Event): Step<ServerState12> {
  const { spki, identity: peer } = expectAnswer(event, 'certificate-accepted');
  return { state: { ...state, state: 'tls12-expect-key-exchange', client: { spki, peer } }, actions: [] };
}

/** RFC 8422 section 5.7. */
export function onKeyExchange(state: ExpectKeyExchange, event: Event): Step<ServerState12> {
  const { message } = expectMessage(event, HANDSHAKE_TYPE.client_key_exchange);
  const peerShare = decodeClientKeyExchange(message.body);
  const { keyShare, ...negotiated } = state;
  const { group } = keyShare;
  if (peerShare.length !== NAMED_GROUPS[group].clientShareBytes)
    throw new TlsError('bad-key-share', `${group} of ${peerShare.length} bytes`);
  state.transcript.add(message.whole);
  return {
    state: { ...negotiated, state: 'tls12-await-agreement', group },
    actions: [{ action: 'ask', effect: { effect: 'agree', keyShare, peerShare } }],
  };
}

/** Makes the master secret (RFC 7627 section 4) and the keys of both directions of the secret that was agreed on. */
export function onAgreement12(context: ServerContext, state: AwaitAgreement12, event: Event): Step<ServerState12> {
  const { secret } = expectAnswer(event, 'agreed');
  const { crypto } = context;
  const { client, offer, suite, randoms, transcript, group } = state;
  const master = extendedMasterSecret(crypto, TLS12_SUITES[suite].hash, secret, transcript.hash());
  secret.fill(0);
  const keyed: Keyed = {
    offer,
    suite,
    randoms,
    transcript,
    group,
    scheme: null,
    peer: client?.peer ?? null,
    resumed: null,
    secrets: { master },
    ...protection12(crypto, suite, master, randoms, 'server'),
  };
  const log = logSecrets(context.config, offer.random, { CLIENT_RANDOM: master });
  if (client !== null)
    return { state: { ...keyed, state: 'tls12-expect-certificate-verify', spki: client.spki }, actions: log };
  const next = changeCipherSpecNext(keyed);
  return { state: next.state, actions: [...log, ...next.actions] };
}

/** RFC 5246 section 7.4.8: over all messages before it, with the hash that its scheme names. */
export function onCertificateVerify12(
  { config }: ServerContext,
  state: ExpectCertificateVerify12,
  event: Event,
): Step<ServerState12> {
  const { message } = expectMessage(event, HANDSHAKE_TYPE.certificate_verify);
  const { scheme: codePoint, signature } = decodeCertificateVerify(message.body);
  const { spki, ...keyed } = state;
  const scheme = acceptableScheme(config, codePoint);
  const key = keyTypeOf(spki);
  if (key !== null && !signsAs(key, scheme))
    throw new TlsError('wrong-signature-scheme', `${scheme} with a key of type ${key}`);
  const handshakeMessages = state.transcript.messages();
  return {
    state: { ...keyed, state: 'tls12-await-signature-verification', scheme, certificateVerify: message.whole },
    actions: [
      {
        action: 'ask',
        effect: {
          effect: 'verify-signature',
          scheme: key === null ? scheme : verifiedAs(scheme, key),
          spki,
          message: signedBytes({ version: 'TLSv1.2', role: 'client', handshakeMessages }),
          signature,
        },
      },
    ],
  };
}

function acceptableScheme(config: ServerConfig, codePoint: number): SignatureScheme {
  const scheme = signatureSchemeByCodePoint(codePoint);
  if (scheme === undefined || !config.signatureSchemes.includes(scheme) || !SIGNATURE_SCHEMES[scheme].inTls12Handshake)
    throw new TlsError('wrong-signature-scheme', scheme ?? `0x${codePoint.toString(16)}`);
  return scheme;
}

/** The client has shown that it has the key of its certificate: change_cipher_spec is next. */
export function onSignatureVerified12(state: AwaitSignatureVerification12, event: Event): Step<ServerState12> {
  expectAnswer(event, 'signature-valid');
  const { certificateVerify, ...keyed } = state;
  keyed.transcript.add(certificateVerify);
  keyed.transcript.forgetMessages();
  return changeCipherSpecNext(keyed);
}

function changeCipherSpecNext(keyed: Keyed): Step<ServerState12> {
  return {
    state: { ...keyed, state: 'tls12-expect-change-cipher-spec' },
    actions: [{ action: 'apply-rules', rules: RULES.changeCipherSpec12 }],
  };
}
