"""A server or a client on Python's ssl; arguments and commands are those of README.md.

The TLS object works on memory buffers: the socket wrapper's unwrap() waits for the client's close_notify, and so cannot half-close.
"""

import hashlib
import socket
import ssl
import sys
import threading

CURVES = {'secp256r1': 'prime256v1', 'secp384r1': 'secp384r1', 'secp521r1': 'secp521r1'}


def openssl_name(suite):
    """Of a suite of TLS 1.2: ECDHE-ECDSA-AES128-GCM-SHA256."""
    return suite[4:].replace('WITH_', '').replace('AES_', 'AES').replace('POLY1305_SHA256', 'POLY1305').replace('_', '-')


class Peer:
    def __init__(self, tcp, context, **options):
        self.tcp = tcp
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, **options)
        self.sni = None
        self.tls.peer = self
        self.pending = b''

    def flush(self):
        self.tcp.sendall(self.outgoing.read())

    def until_done(self, action):
        while True:
            try:
                result = action()
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                received = self.tcp.recv(262144)
                if received:
                    self.incoming.write(received)
                else:
                    self.incoming.write_eof()
            except ssl.SSLError:
                self.flush()  # the alert
                raise

    def receive(self):
        """The next bytes, or b'' after the client's close_notify. A missing close_notify is an SSLEOFError."""
        if self.pending:
            received, self.pending = self.pending, b''
            return received
        try:
            return self.until_done(lambda: self.tls.read(262144))
        except ssl.SSLZeroReturnError:
            return b''

    def receive_line(self):
        line = b''
        while b'\n' not in line:
            received = self.receive()
            if not received:
                raise EOFError('no command')
            line += received
        line, self.pending = line.split(b'\n', 1)
        return line.decode('ascii')

    def receive_all(self):
        count, digest = 0, hashlib.sha256()
        while received := self.receive():
            count += len(received)
            digest.update(received)
        return f'{count} {digest.hexdigest()}'

    def send(self, data):
        self.tls.write(data)
        self.flush()

    def close_write(self):
        try:
            self.tls.unwrap()
        except (ssl.SSLWantReadError, ssl.SSLError):
            pass  # close_notify is in the buffer; the client's has not come, or data came first
        self.flush()


def numbered(total):
    filler = b''.join(b'%015d\n' % line for line in range(1, 256))
    number = 0
    while total > 0:
        chunk = b''.join(b'%015d\n%s' % (block, filler) for block in range(number, number + 16))[:total]
        number += 16
        total -= len(chunk)
        yield chunk


def serve(tcp, context):
    peer = Peer(tcp, context, server_side=True)
    try:
        peer.until_done(peer.tls.do_handshake)
        command, _, argument = peer.receive_line().partition(' ')
        if command == 'echo':
            while received := peer.receive():
                peer.send(received)
        elif command == 'download':
            for chunk in numbered(int(argument)):
                peer.send(chunk)
        elif command == 'upload':
            peer.send(peer.receive_all().encode() + b'\n')
        elif command == 'farewell':
            peer.send(b'farewell')
            peer.close_write()
            print('received', peer.receive_all(), flush=True)
            return
        elif command == 'facts':
            client = 'yes' if peer.tls.getpeercert(binary_form=True) else 'no'
            alpn = peer.tls.selected_alpn_protocol() or '-'
            peer.send(f'sni={peer.sni or "-"} alpn={alpn} client={client}\n'.encode())
        else:
            raise ValueError(f'no command {command}')
        peer.close_write()
        # To close with something unread would reset the connection, and could take what was sent last with it.
        peer.receive_all()
    except (OSError, EOFError, ValueError) as error:
        print(repr(error), file=sys.stderr, flush=True)
    finally:
        tcp.close()


def exchange(peer, command, total):
    """Sends, half-closes and receives to the end.

    Sends not so far ahead of an echo that both sides could wait for each other; and unwrap() fails while anything is unread.
    """
    peer.send(command.encode() + b'\n')
    sent = 0
    count, digest = 0, hashlib.sha256()
    for chunk in numbered(total):
        peer.send(chunk)
        sent += len(chunk)
        while command == 'echo' and count < (sent if sent == total else sent - 262144):
            received = peer.receive()
            count += len(received)
            digest.update(received)
    peer.close_write()
    while received := peer.receive():
        if command == 'facts':
            print(received.decode(), flush=True)
        count += len(received)
        digest.update(received)
    print('received', count, digest.hexdigest(), flush=True)


def connect(arguments, context):
    session = None
    for _ in range(int(arguments.get('connections', '1'))):
        with socket.create_connection(('127.0.0.1', int(arguments['port']))) as tcp:
            peer = Peer(tcp, context, server_hostname=arguments['name'], session=session)
            peer.until_done(peer.tls.do_handshake)
            [[[_, server]]] = peer.tls.getpeercert()['subject']
            resumed = 'yes' if peer.tls.session_reused else 'no'
            alpn = peer.tls.selected_alpn_protocol() or '-'
            print(f'version={peer.tls.version()} suite={peer.tls.cipher()[0]} alpn={alpn} resumed={resumed} server={server}')
            exchange(peer, arguments['command'], int(arguments.get('bytes', '0')))
            session = peer.tls.session


def main():
    arguments = dict(word.split('=', 1) for word in sys.argv[1:])
    is_client = 'name' in arguments
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if is_client else ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if 'version' in arguments:
        version = {'TLSv1.3': ssl.TLSVersion.TLSv1_3, 'TLSv1.2': ssl.TLSVersion.TLSv1_2}[arguments['version']]
        context.minimum_version = context.maximum_version = version
    if 'chain' in arguments:
        context.load_cert_chain(arguments['chain'], arguments['key'])
    if 'trusted' in arguments:
        context.load_verify_locations(arguments['trusted'])
        context.verify_mode = ssl.CERT_REQUIRED
    if 'suites' in arguments:
        context.set_ciphers(':'.join(map(openssl_name, arguments['suites'].split(','))))
    if 'groups' in arguments:
        context.set_ecdh_curve(CURVES[arguments['groups']])
    if 'alpn' in arguments:
        context.set_alpn_protocols(arguments['alpn'].split(','))
    if is_client:
        connect(arguments, context)
        return

    def note_name(tls, name, _context):
        tls.peer.sni = name

    context.sni_callback = note_name
    with socket.create_server(('127.0.0.1', int(arguments['port']))) as listener:
        while True:
            tcp, _ = listener.accept()
            threading.Thread(target=serve, args=(tcp, context), daemon=True).start()


main()
