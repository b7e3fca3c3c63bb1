//! A server on rustls; arguments and commands are those of ../../README.md.

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned, compress};

type Failure = Box<dyn Error + Send + Sync>;
type Tls = StreamOwned<ServerConnection, TcpStream>;

const BLOCK_BYTES: usize = 4096;
const REKEY_BYTES: usize = 1 << 20;

fn main() -> Result<(), Failure> {
    let arguments: HashMap<String, String> = std::env::args()
        .skip(1)
        .filter_map(|word| {
            word.split_once('=')
                .map(|(name, value)| (name.into(), value.into()))
        })
        .collect();
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

fn configure(arguments: &HashMap<String, String>) -> Result<ServerConfig, Failure> {
    let list = |name: &str| {
        arguments
            .get(name)
            .map(|value| value.split(',').collect::<Vec<_>>())
    };
    let mut provider: CryptoProvider = aws_lc_rs::default_provider();
    if let Some(suites) = list("suites") {
        // rustls: TLS13_AES_128_GCM_SHA256; the registry: TLS_AES_128_GCM_SHA256
        provider.cipher_suites.retain(|suite| {
            suites.contains(
                &format!("{:?}", suite.suite())
                    .replace("TLS13_", "TLS_")
                    .as_str(),
            )
        });
    }
    if let Some(groups) = list("groups") {
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
    let version = match arguments["version"].as_str() {
        "TLSv1.2" => &rustls::version::TLS12,
        _ => &rustls::version::TLS13,
    };
    let chain =
        CertificateDer::pem_file_iter(&arguments["chain"])?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(&arguments["key"])?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.cert_compressors = match arguments.get("compress").map(String::as_str) {
        None => Vec::new(),
        Some("zlib") => vec![compress::ZLIB_COMPRESSOR],
        Some(name) => return Err(format!("no compression {name}").into()),
    };
    if let Some(protocols) = list("alpn") {
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
    }
    Ok(config)
}

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
            writeln!(reader.get_mut(), "sni={sni} alpn={alpn}")?;
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
    let mut block: Vec<u8> = (0..BLOCK_BYTES / 16)
        .flat_map(|line| format!("{line:015}\n").into_bytes())
        .collect();
    let mut buffer = Vec::with_capacity(16 * BLOCK_BYTES);
    let (mut sent, mut number) = (0, 0);
    while sent < total {
        buffer.clear();
        for _ in 0..16 {
            block[..16].copy_from_slice(format!("{number:015}\n").as_bytes());
            buffer.extend_from_slice(&block);
            number += 1;
        }
        buffer.truncate(total - sent);
        stream.write_all(&buffer)?;
        sent += buffer.len();
    }
    Ok(())
}

fn receive_all(from: &mut impl Read) -> Result<String, Failure> {
    let mut hash = ::aws_lc_rs::digest::Context::new(&::aws_lc_rs::digest::SHA256);
    let mut buffer = [0; 65536];
    let mut bytes = 0;
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
        bytes += count;
    }
    let digest: String = hash
        .finish()
        .as_ref()
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    Ok(format!("{bytes} {digest}"))
}
