//! TLS in front of a local server, like `DynamoDB`'s: TLS 1.3, HTTP/1.1, an RSA certificate with one intermediate.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_RSA_SHA256, RsaKeySize,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::Instant,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs::default_provider,
        pki_types::{CertificateDer, PrivateKeyDer},
    },
};

use testkit::Outcome;

/// Where systems keep their trust stores.
const SYSTEM_STORES: [&str; 3] = [
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
];

/// A certificate for `localhost`, and the root that clients must trust.
pub struct Identity {
    root: String,
    config: Arc<ServerConfig>,
}

impl Identity {
    /// Makes keys and certificates.
    ///
    /// # Errors
    ///
    /// If the cryptographic library fails.
    pub fn generate() -> Outcome<Self> {
        let key = || KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048);
        let root = CertifiedIssuer::self_signed(authority("bench root"), key()?)?;
        let intermediate = CertifiedIssuer::signed_by(authority("bench intermediate"), key()?, &root)?;
        let leaf_key = key()?;
        let leaf = CertificateParams::new(["localhost".to_owned()])?.signed_by(&leaf_key, &intermediate)?;

        let chain: Vec<CertificateDer<'static>> = vec![leaf.der().clone(), intermediate.der().clone()];
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::try_from(leaf_key.serialize_der())?)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            root: root.pem(),
            config: Arc::new(config),
        })
    }

    /// Writes a trust store with as many roots as the functions have built in: Amazon's except the last, and ours.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write_few_roots(&self, file: &Path) -> Outcome<()> {
        let amazon = include_str!("../../shared/data/amazon-roots.pem");
        let (amazon, _) = amazon.rsplit_once("-----BEGIN").ok_or("there are no roots")?;
        Ok(std::fs::write(file, format!("{amazon}\n{}", self.root))?)
    }

    /// Writes a trust store of realistic size: the system's roots and ours.
    ///
    /// # Errors
    ///
    /// If the system has none, or it cannot be written.
    pub fn write_system_store(&self, file: &Path) -> Outcome<()> {
        let system = SYSTEM_STORES
            .iter()
            .find_map(|path| std::fs::read_to_string(path).ok());
        let system = system.ok_or("this system has no trust store: install ca-certificates")?;
        Ok(std::fs::write(file, format!("{system}\n{}", self.root))?)
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// The timing of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// When accepted.
    pub accepted: Instant,
    /// How long the handshake took.
    pub handshake: Duration,
    /// When the first response began.
    pub answered: Option<Instant>,
}

/// Terminates TLS and forwards the bytes. Stops when dropped.
#[derive(Debug)]
pub struct TlsProxy {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<Connection>>>,
    server: JoinHandle<()>,
}

impl TlsProxy {
    /// Serves on a free loopback port, in front of `upstream`.
    ///
    /// # Errors
    ///
    /// If it cannot listen.
    pub async fn start(identity: &Identity, upstream: SocketAddr) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let acceptor = TlsAcceptor::from(Arc::clone(&identity.config));
        let connections = Arc::<Mutex<Vec<Connection>>>::default();
        let log = Arc::clone(&connections);
        let server = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(acceptor.clone(), client, upstream, Arc::clone(&log)));
            }
        });
        Ok(Self {
            address,
            connections,
            server,
        })
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// The connections since the last call.
    pub fn take_connections(&self) -> Vec<Connection> {
        std::mem::take(&mut self.connections.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for TlsProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Returns when the connection ends, for any reason: the client is a function, killed once it is measured.
async fn relay(
    acceptor: TlsAcceptor,
    client: TcpStream,
    upstream: SocketAddr,
    log: Arc<Mutex<Vec<Connection>>>,
) -> std::io::Result<()> {
    let accepted = Instant::now();
    client.set_nodelay(true)?;
    let client = acceptor.accept(client).await?;
    let index = {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(Connection {
            accepted,
            handshake: accepted.elapsed(),
            answered: None,
        });
        log.len() - 1
    };
    let server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    let (client_in, client_out) = tokio::io::split(client);
    let (server_in, server_out) = server.into_split();
    let answered = || {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = log.get_mut(index) {
            connection.answered = Some(Instant::now());
        }
    };
    tokio::select! {
        done = pass(client_in, server_out, || {}) => done,
        done = pass(server_in, client_out, answered) => done,
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    at_first: impl FnOnce(),
) -> std::io::Result<()> {
    let mut buffer = vec![0; 65536];
    let mut at_first = Some(at_first);
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        if let Some(at_first) = at_first.take() {
            at_first();
        }
        to.write_all(&buffer[..count]).await?;
        to.flush().await?;
    }
}
