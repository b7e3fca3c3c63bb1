import { equalSecret } from '../../core/bytes.ts';
import { EchRejected, TlsError } from '../../core/failures.ts';
import { TLS13_SUITES } from '../../crypto/cipher-suites.ts';
import { encodeFinished } from '../codec/messages.ts';
import { HANDSHAKE_TYPE } from '../codec/registry.ts';
import type { SessionFacts } from '../connection.ts';
import { logSecrets } from '../key-log.ts';
import { type Action, type Event, expectAnswer, expectMessage, requireAligned, type Step } from '../machine.ts';
import {
  certificateMessage,
  certificateVerifyMessage,
  checkedChoice,
  emptyCertificateMessage,
} from '../own-certificate.ts';
import { RULES } from '../record/incoming.ts';
import { finishedMac, openerOf, sealerOf } from '../schedule/schedule13.ts';
import type {
  AwaitCertificateChoice,
  AwaitSignature,
  ClientContext,
  ClientState,
  ExpectFinished,
  Finishing,
} from './states.ts';

/** RFC 8446 section 4.4.4: the server has proved all it said; our own flight ends the handshake. */
export function onFinished(context: ClientContext, state: ExpectFinished, event: Event): Step<ClientState> {
  const message = expectMessage(event, HANDSHAKE_TYPE.finished);
  const aligned = requireAligned(message);
  const { config, crypto } = context;
  const { suite, transcript, secrets: handshake, state: _, ...asked } = state;
  const { hash } = TLS13_SUITES[suite];
  const expected = finishedMac(crypto, hash, handshake.server, transcript.hash());
  if (!equalSecret(expected, message.message.body)) throw new TlsError('bad-finished');
  transcript.add(message.message.whole);

  const main = handshake.schedule.toMain();
  const throughServer = transcript.hash();
  const traffic = main.trafficSecrets(throughServer);
  const exporter = main.exporterSecret(throughServer);
  handshake.server.fill(0);
  const secrets = { client: handshake.client, main, sending: traffic.client, receiving: traffic.server, exporter };
  const finishing: Finishing = { ...asked, suite, transcript, aligned, secrets };
  const logged = logSecrets(config, state.offer.hello.random, {
    CLIENT_TRAFFIC_SECRET_0: traffic.client,
    SERVER_TRAFFIC_SECRET_0: traffic.server,
    EXPORTER_SECRET: exporter,
  });
  const { certificateRequest } = state;
  if (certificateRequest === null) return finish(context, finishing, logged);
  // RFC 9849 section 6.1.7: who we are is not for the one who shows the public name.
  if (state.offer.ech.ech === 'rejected') return finishWithoutCertificate(context, finishing, logged);
  const { schemes, certificateSchemes, authorities, ocspRequested } = certificateRequest;
  return {
    state: { ...finishing, state: 'await-certificate-choice', certificateRequest },
    actions: [
      ...logged,
      {
        action: 'ask',
        effect: {
          effect: 'choose-certificate',
          role: 'client',
          version: 'TLSv1.3',
          serverName: config.serverName,
          alpnOffered: config.alpn,
          schemes,
          curves: null,
          certificateSchemes,
          authorities,
          ocspRequested,
        },
      },
    ],
  };
}

/** RFC 8446 section 4.4.2: what the keeper of our certificates shows the server, which may be nothing. */
export function onCertificateChosen(
  context: ClientContext,
  state: AwaitCertificateChoice,
  event: Event,
): Step<ClientState> {
  const { certificateRequest, state: _, ...finishing } = state;
  const { transcript } = finishing;
  const choice = checkedChoice(expectAnswer(event, 'certificate-chosen'), certificateRequest);
  if (choice === null) return finishWithoutCertificate(context, finishing, []);
  const { credential, scheme } = choice;
  const message = certificateMessage(credential, certificateRequest);
  transcript.add(message);
  const sent: Action = { action: 'send', message };
  const content = { version: 'TLSv1.3', role: 'client', transcriptHash: transcript.hash() } as const;
  return {
    state: { ...finishing, state: 'await-signature', ownScheme: scheme },
    actions: [sent, { action: 'ask', effect: { effect: 'sign', key: credential.key, scheme, content } }],
  };
}

/** RFC 8446 section 4.4.3: our CertificateVerify. */
export function onSigned(context: ClientContext, state: AwaitSignature, event: Event): Step<ClientState> {
  const { signature } = expectAnswer(event, 'signed');
  const { ownScheme, state: _, ...finishing } = state;
  const message = certificateVerifyMessage(ownScheme, signature);
  finishing.transcript.add(message);
  return finish(context, finishing, [{ action: 'send', message }]);
}

function finishWithoutCertificate(
  context: ClientContext,
  finishing: Finishing,
  before: readonly Action[],
): Step<ClientState> {
  const message = emptyCertificateMessage();
  finishing.transcript.add(message);
  return finish(context, finishing, [...before, { action: 'send', message }]);
}

/** Our Finished, behind `before`; from there on all is under the application's keys. */
function finish({ config, crypto }: ClientContext, finishing: Finishing, before: readonly Action[]): Step<ClientState> {
  const { suite, transcript, secrets, aligned } = finishing;
  const parameters = TLS13_SUITES[suite];
  const finished = encodeFinished(finishedMac(crypto, parameters.hash, secrets.client, transcript.hash()));
  transcript.add(finished);
  secrets.client.fill(0);
  const { sending, receiving, exporter } = secrets;
  const { ech } = finishing.offer;
  const resumption = secrets.main.toResumption(transcript.hash());
  const session: SessionFacts = {
    version: 'TLSv1.3',
    suite,
    group: finishing.group,
    signatureScheme: finishing.scheme,
    alpn: finishing.alpn,
    serverName: config.serverName,
    resumed: finishing.resumed !== null,
    helloRetryRequest: finishing.retried,
    ech: ech.ech === 'sealed' ? 'rejected' : ech.ech,
    peer: finishing.peer,
  };
  // RFC 9849 section 6.1.6: the server has proved to be the public name, to which nothing is said but that this will not do.
  const last: Action =
    ech.ech === 'rejected'
      ? { action: 'fail', error: new EchRejected(ech.publicName, ech.retryConfigs) }
      : { action: 'open', session };
  return {
    state: {
      state: 'open',
      session,
      suite,
      ticketsKept: 0,
      secrets: { sending, receiving, exporter, resumption },
    },
    actions: [
      ...before,
      { action: 'send', message: finished },
      { action: 'seal-with', sealer: sealerOf(crypto, parameters, sending) },
      { action: 'open-with', opener: openerOf(crypto, parameters, receiving), aligned },
      { action: 'apply-rules', rules: RULES.open13 },
      last,
    ],
  };
}
