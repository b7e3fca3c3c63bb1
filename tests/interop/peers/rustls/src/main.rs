//! A server or a client on rustls; arguments and commands are those of ../../README.md.

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use rustls::client::{EchConfig, EchMode, EchStatus};
use rustls::crypto::aws_lc_rs::hpke;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, EchConfigListBytes, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, ServerConfig, ServerConnection,
    StreamOwned, SupportedProtocolVersion, compress,
};

type Failure = Box<dyn Error + Send + Sync>;
type Tls = StreamOwned<ServerConnection, TcpStream>;
type Arguments = HashMap<String, String>;

const BLOCK_BYTES: usize = 4096;
const REKEY_BYTES: usize = 1 << 20;

fn main() -> Result<(), Failure> {
    let arguments: Arguments = std::env::args()
        .skip(1)
        .filter_map(|word| {
            word.split_once('=')
                .map(|(name, value)| (name.into(), value.into()))
        })
        .collect();
    if arguments.contains_key("name") {
        let config = Arc::new(configure_client(&arguments)?);
        let connections = arguments.get("connections").map_or("1", String::as_str);
        for _ in 0..connections.parse()? {
            connect(&arguments, config.clone())?;
        }
        return Ok(());
    }
    let config = Arc::new(configure(&arguments)?);
    let listener = TcpListener::bind(("127.0.0.1", arguments["port"].parse()?))?;
    loop {
        let (tcp, _) = listener.accept()?;
        let config = config.clone();
        std::thread::spawn(move || {
            if let Err(failure) = serve(tcp, config) {
                eprintln!("{failure}");
            }
        });
    }
}

fn list<'a>(arguments: &'a Arguments, name: &str) -> Option<Vec<&'a str>> {
    arguments
        .get(name)
        .map(|value| value.split(',').collect::<Vec<_>>())
}

fn provider(arguments: &Arguments) -> Arc<CryptoProvider> {
    let mut provider: CryptoProvider = aws_lc_rs::default_provider();
    if let Some(suites) = list(arguments, "suites") {
        // rustls: TLS13_AES_128_GCM_SHA256; the registry: TLS_AES_128_GCM_SHA256
        provider
            .cipher_suites
            .retain(|suite| suites.contains(&suite_name(suite.suite()).as_str()));
    }
    if let Some(groups) = list(arguments, "groups") {
        provider.kx_groups = aws_lc_rs::ALL_KX_GROUPS
            .iter()
            .copied()
            .filter(|group| {
                groups
                    .iter()
                    .any(|name| name.eq_ignore_ascii_case(&format!("{:?}", group.name())))
            })
            .collect();
    }
    Arc::new(provider)
}

fn suite_name(suite: rustls::CipherSuite) -> String {
    format!("{suite:?}").replace("TLS13_", "TLS_")
}

fn versions(arguments: &Arguments) -> Vec<&'static SupportedProtocolVersion> {
    match arguments.get("version").map(String::as_str) {
        Some("TLSv1.2") => vec![&rustls::version::TLS12],
        Some("TLSv1.3") => vec![&rustls::version::TLS13],
        _ => vec![&rustls::version::TLS13, &rustls::version::TLS12],
    }
}

fn roots(arguments: &Arguments) -> Result<Arc<RootCertStore>, Failure> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&arguments["trusted"])? {
        roots.add(certificate?)?;
    }
    Ok(Arc::new(roots))
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(arguments: &Arguments) -> Result<Identity, Failure> {
    let chain =
        CertificateDer::pem_file_iter(&arguments["chain"])?.collect::<Result<Vec<_>, _>>()?;
    Ok((chain, PrivateKeyDer::from_pem_file(&arguments["key"])?))
}

fn protocols(arguments: &Arguments) -> Vec<Vec<u8>> {
    list(arguments, "alpn")
        .unwrap_or_default()
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect()
}

fn configure(arguments: &Arguments) -> Result<ServerConfig, Failure> {
    let provider = provider(arguments);
    let (chain, key) = identity(arguments)?;
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions(arguments))?;
    let builder = if arguments.contains_key("trusted") {
        builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(roots(arguments)?, provider).build()?,
        )
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder.with_single_cert(chain, key)?;
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.cert_compressors = match arguments.get("compress").map(String::as_str) {
        None => Vec::new(),
        Some("zlib") => vec![compress::ZLIB_COMPRESSOR],
        Some(name) => return Err(format!("no compression {name}").into()),
    };
    config.alpn_protocols = protocols(arguments);
    Ok(config)
}

fn configure_client(arguments: &Arguments) -> Result<ClientConfig, Failure> {
    let builder = ClientConfig::builder_with_provider(provider(arguments));
    let builder = match arguments.get("ech") {
        None => builder.with_protocol_versions(&versions(arguments))?,
        Some(list) => builder.with_ech(EchMode::Enable(EchConfig::new(
            EchConfigListBytes::from(unhex(list)?),
            hpke::ALL_SUPPORTED_SUITES,
        )?))?,
    };
    let builder = builder.with_root_certificates(roots(arguments)?);
    let mut config = if arguments.contains_key("chain") {
        let (chain, key) = identity(arguments)?;
        builder.with_client_auth_cert(chain, key)?
    } else {
        builder.with_no_client_auth()
    };
    config.alpn_protocols = protocols(arguments);
    Ok(config)
}

fn unhex(text: &str) -> Result<Vec<u8>, Failure> {
    (0..text.len() / 2)
        .map(|index| Ok(u8::from_str_radix(&text[2 * index..2 * index + 2], 16)?))
        .collect()
}

/// Sends, half-closes and receives to the end; not so far ahead of an echo that both sides could wait for each other.
fn connect(arguments: &Arguments, config: Arc<ClientConfig>) -> Result<(), Failure> {
    let tcp = TcpStream::connect(("127.0.0.1", arguments["port"].parse()?))?;
    let name = ServerName::try_from(arguments["name"].clone())?;
    let mut stream = StreamOwned::new(ClientConnection::new(config, name)?, tcp);
    stream.conn.complete_io(&mut stream.sock)?;
    let connection = &stream.conn;
    let version = match connection.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "TLSv1.2",
    };
    let suite = connection.negotiated_cipher_suite().ok_or("no suite")?;
    let group = connection
        .negotiated_key_exchange_group()
        .map_or("-".into(), |group| format!("{:?}", group.name()));
    let alpn = connection.alpn_protocol().map_or("-".into(), |name| {
        String::from_utf8_lossy(name).into_owned()
    });
    let resumed = match connection.handshake_kind() {
        Some(HandshakeKind::Resumed) => "yes",
        _ => "no",
    };
    let ech = match connection.ech_status() {
        EchStatus::Accepted => "yes",
        _ => "no",
    };
    println!(
        "version={version} suite={} group={group} alpn={alpn} resumed={resumed} ech={ech}",
        suite_name(suite.suite())
    );
    let command = arguments["command"].as_str();
    let total: usize = arguments.get("bytes").map_or("0", String::as_str).parse()?;
    writeln!(stream, "{command}")?;
    let mut received = Receiver::new();
    for chunk in Numbered::new(total) {
        stream.write_all(&chunk)?;
        received.sent += chunk.len();
        while command == "echo" && received.bytes + LAG_BYTES < received.sent {
            received.read(&mut stream)?;
        }
    }
    stream.conn.send_close_notify();
    stream.flush()?;
    while received.read(&mut stream)? > 0 {
        if command == "facts" {
            println!(
                "{}",
                String::from_utf8_lossy(&received.buffer[..received.last])
            );
        }
    }
    println!("received {}", received.facts());
    Ok(())
}

/// What is in flight to an echo fits into the buffers of the sockets.
const LAG_BYTES: usize = 1 << 18;

fn serve(tcp: TcpStream, config: Arc<ServerConfig>) -> Result<(), Failure> {
    let mut reader =
        BufReader::with_capacity(65536, StreamOwned::new(ServerConnection::new(config)?, tcp));
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let (command, argument) = line
        .trim_end()
        .split_once(' ')
        .unwrap_or((line.trim_end(), ""));
    match command {
        "echo" | "rekey" => {
            let mut buffer = [0; 65536];
            let mut since_update = 0;
            loop {
                let count = reader.read(&mut buffer)?;
                if count == 0 {
                    break;
                }
                reader.get_mut().write_all(&buffer[..count])?;
                since_update += count;
                if command == "rekey" && since_update >= REKEY_BYTES {
                    reader.get_mut().conn.refresh_traffic_keys()?;
                    since_update = 0;
                }
            }
        }
        "download" => {
            send_numbered(reader.get_mut(), argument.parse()?)?;
        }
        "upload" => {
            let facts = receive_all(&mut reader)?;
            writeln!(reader.get_mut(), "{facts}")?;
        }
        "farewell" => {
            reader.get_mut().write_all(b"farewell")?;
            close_write(reader.get_mut())?;
            println!("received {}", receive_all(&mut reader)?);
            return Ok(());
        }
        "facts" => {
            let connection = &reader.get_ref().conn;
            let sni = connection.server_name().map_or("-".into(), str::to_owned);
            let alpn = connection.alpn_protocol().map_or("-".into(), |name| {
                String::from_utf8_lossy(name).into_owned()
            });
            let client = if connection.peer_certificates().is_some() {
                "yes"
            } else {
                "no"
            };
            writeln!(reader.get_mut(), "sni={sni} alpn={alpn} client={client}")?;
        }
        _ => return Err(format!("no command {command:?}").into()),
    }
    close_write(reader.get_mut())?;
    // To close with something unread would reset the connection, and could take what was sent last with it.
    io::copy(&mut reader, &mut io::sink())?;
    Ok(())
}

fn close_write(stream: &mut Tls) -> Result<(), Failure> {
    stream.conn.send_close_notify();
    Ok(stream.flush()?)
}

fn send_numbered(stream: &mut Tls, total: usize) -> Result<(), Failure> {
    for chunk in Numbered::new(total) {
        stream.write_all(&chunk)?;
    }
    Ok(())
}

/// The numbered stream, 16 blocks at a time.
struct Numbered {
    block: Vec<u8>,
    number: usize,
    left: usize,
}

impl Numbered {
    fn new(total: usize) -> Self {
        let block = (0..BLOCK_BYTES / 16)
            .flat_map(|line| format!("{line:015}\n").into_bytes())
            .collect();
        Self {
            block,
            number: 0,
            left: total,
        }
    }
}

impl Iterator for Numbered {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if self.left == 0 {
            return None;
        }
        let mut chunk = Vec::with_capacity(16 * BLOCK_BYTES);
        for _ in 0..16 {
            self.block[..16].copy_from_slice(format!("{:015}\n", self.number).as_bytes());
            chunk.extend_from_slice(&self.block);
            self.number += 1;
        }
        chunk.truncate(self.left);
        self.left -= chunk.len();
        Some(chunk)
    }
}

struct Receiver {
    hash: ::aws_lc_rs::digest::Context,
    buffer: Vec<u8>,
    last: usize,
    bytes: usize,
    sent: usize,
}

impl Receiver {
    fn new() -> Self {
        Self {
            hash: ::aws_lc_rs::digest::Context::new(&::aws_lc_rs::digest::SHA256),
            buffer: vec![0; 65536],
            last: 0,
            bytes: 0,
            sent: 0,
        }
    }

    fn read(&mut self, from: &mut impl Read) -> Result<usize, Failure> {
        self.last = from.read(&mut self.buffer)?;
        self.hash.update(&self.buffer[..self.last]);
        self.bytes += self.last;
        Ok(self.last)
    }

    fn facts(self) -> String {
        let digest: String = self
            .hash
            .finish()
            .as_ref()
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        format!("{} {digest}", self.bytes)
    }
}

fn receive_all(from: &mut impl Read) -> Result<String, Failure> {
    let mut received = Receiver::new();
    while received.read(from)? > 0 {}
    Ok(received.facts())
}
