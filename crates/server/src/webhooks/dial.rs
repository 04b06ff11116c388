//! Connections to endpoints. What is checked is the address that is connected to, not the name that led there: a name is looked up
//! here, once a connection, and nobody looks it up again.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use axum::http::Uri;
use engine::Host;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};
use url::Url;

use super::limits::Limits;
use super::targets::Targets;
use crate::http::{beginning, in_words, within};

/// How many of a name's addresses are tried.
const MAX_ADDRESSES: usize = 4;

/// How much of what TLS has to say is told: certificates may list any number of names.
const MAX_TLS_PROBLEM_CHARS: usize = 200;

/// Looks up names.
#[async_trait]
pub(super) trait Resolve: Send + Sync + 'static {
    /// The addresses of a name, the best first.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// Asks the system.
pub(super) struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        // The port says nothing; the system only takes names together with one.
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// The certificates that the system trusts, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
pub(super) fn system_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (trusted, _) = roots.add_parsable_certificates(found.certs);
    if trusted == 0 {
        let error = found.errors.first().map(ToString::to_string).unwrap_or_default();
        tracing::warn!(error, "no trusted certificates were found: webhook endpoints cannot be called over https");
    }
    roots
}

/// Why there is no connection, in words for the endpoint's owner.
#[derive(Debug)]
pub(super) struct NoConnection(pub(super) String);

impl std::fmt::Display for NoConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoConnection {}

/// Bytes to an endpoint and back, encrypted or not.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

impl Connection for Box<dyn Wire> {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

/// Connects to endpoints of one mode.
#[derive(Clone)]
pub(super) struct Dialer {
    pub(super) targets: Targets,
    pub(super) limits: Limits,
    pub(super) host: Arc<dyn Host>,
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) tls: TlsConnector,
}

/// TLS that trusts these certificates.
#[expect(clippy::expect_used, reason = "the cryptography that is built in has what TLS needs")]
pub(super) fn tls(roots: RootCertStore) -> TlsConnector {
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the cryptography that is built in has what TLS needs");
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config))
}

impl tower::Service<Uri> for Dialer {
    type Response = TokioIo<Box<dyn Wire>>;
    type Error = NoConnection;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, NoConnection>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NoConnection>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialer = self.clone();
        Box::pin(async move { dialer.connect(&uri).await.map(TokioIo::new) })
    }
}

impl Dialer {
    /// A connection, within the time of a call even where nobody waits for it any more.
    async fn connect(&self, uri: &Uri) -> Result<Box<dyn Wire>, NoConnection> {
        // Read again by the parser that read it when it was checked, so that both see the same host.
        let url = Url::parse(&uri.to_string()).map_err(|_| NoConnection("the URL cannot be called".to_owned()))?;
        let connecting = async {
            let stream = self.dial(&url).await?;
            if url.scheme() == "https" {
                self.secure(stream, &url).await
            } else {
                Ok(Box::new(stream) as Box<dyn Wire>)
            }
        };
        let late = || NoConnection(format!("no connection within {}", in_words(self.limits.call)));
        within(self.host.as_ref(), self.limits.call, connecting).await.unwrap_or_else(|| Err(late()))
    }

    /// A connection to the first address of the URL's host that may be called and takes it.
    async fn dial(&self, url: &Url) -> Result<TcpStream, NoConnection> {
        let port = url.port_or_known_default().unwrap_or_default();
        let mut last = NoConnection("no connection".to_owned());
        for ip in self.allowed(url).await? {
            let connecting = self.reach(SocketAddr::new(ip, port));
            match within(self.host.as_ref(), self.limits.connect, connecting).await {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(problem)) => last = problem,
                None => last = NoConnection(format!("no connection within {}", in_words(self.limits.connect))),
            }
        }
        Err(last)
    }

    /// The addresses of the URL's host that may be called; at least one.
    async fn allowed(&self, url: &Url) -> Result<Vec<IpAddr>, NoConnection> {
        let name = match url.host() {
            Some(url::Host::Ipv4(ip)) => return self.check(ip.into()).map(|ip| vec![ip]),
            Some(url::Host::Ipv6(ip)) => return self.check(ip.into()).map(|ip| vec![ip]),
            Some(url::Host::Domain(name)) => name,
            None => return Err(NoConnection("the URL has no host".to_owned())),
        };
        let found = self.resolver.addresses(name).await;
        let found = found.map_err(|_| NoConnection(format!("the name {name} could not be resolved")))?;
        if found.is_empty() {
            return Err(NoConnection(format!("the name {name} has no address")));
        }
        let allowed: Vec<_> = found.into_iter().filter(|ip| self.targets.allow(*ip)).take(MAX_ADDRESSES).collect();
        if allowed.is_empty() {
            // Which addresses it has may be known in this network alone, so they are not told.
            return Err(NoConnection(format!("the name {name} has no address that is allowed")));
        }
        Ok(allowed)
    }

    fn check(&self, ip: IpAddr) -> Result<IpAddr, NoConnection> {
        if self.targets.allow(ip) { Ok(ip) } else { Err(NoConnection(format!("the address {ip} is not allowed"))) }
    }

    /// A connection to this address, and to no other whatever stands between.
    async fn reach(&self, address: SocketAddr) -> Result<TcpStream, NoConnection> {
        self.check(address.ip())?;
        let stream = TcpStream::connect(address).await.map_err(|error| NoConnection(io_in_words(&error)))?;
        let peer = stream.peer_addr().map_err(|error| NoConnection(io_in_words(&error)))?;
        self.check(peer.ip())?;
        // A call is one small write, which must not wait for more; where that cannot be had it is only slower.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection to a webhook endpoint may be slow");
        }
        Ok(stream)
    }

    async fn secure(&self, stream: TcpStream, url: &Url) -> Result<Box<dyn Wire>, NoConnection> {
        let name = server_name(url).ok_or_else(|| NoConnection("the URL's host has no name for TLS".to_owned()))?;
        match self.tls.connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => {
                let cut_off = || format!("the TLS handshake failed: {}", io_in_words(&error));
                Err(NoConnection(tls_in_words(&error).unwrap_or_else(cut_off)))
            }
        }
    }
}

/// What a certificate must be for. The dot at the end of an absolute name is no part of it (RFC 6066 §3).
fn server_name(url: &Url) -> Option<ServerName<'static>> {
    match url.host()? {
        url::Host::Ipv4(ip) => Some(ServerName::from(IpAddr::from(ip))),
        url::Host::Ipv6(ip) => Some(ServerName::from(IpAddr::from(ip))),
        url::Host::Domain(name) => ServerName::try_from(name.strip_suffix('.').unwrap_or(name).to_owned()).ok(),
    }
}

/// What the network or TLS says, and nothing about this machine.
pub(super) fn io_in_words(error: &io::Error) -> String {
    const WORDS: [(io::ErrorKind, &str); 7] = [
        (io::ErrorKind::ConnectionRefused, "connection refused"),
        (io::ErrorKind::ConnectionReset, "the connection was reset"),
        (io::ErrorKind::BrokenPipe, "the connection was closed"),
        (io::ErrorKind::UnexpectedEof, "the connection was closed"),
        (io::ErrorKind::TimedOut, "the connection timed out"),
        (io::ErrorKind::HostUnreachable, "the host is unreachable"),
        (io::ErrorKind::NetworkUnreachable, "the network is unreachable"),
    ];
    if let Some(words) = tls_in_words(error) {
        return words;
    }
    let known = WORDS.iter().find(|(kind, _)| *kind == error.kind());
    if known.is_none() {
        tracing::debug!(%error, "a webhook call failed");
    }
    known.map_or("the connection failed", |(_, words)| words).to_owned()
}

/// What TLS says, if that is what failed.
fn tls_in_words(error: &io::Error) -> Option<String> {
    let problem = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    let text = if let rustls::Error::InvalidCertificate(why) = problem {
        format!("the TLS certificate is not trusted: {}", distrust(why))
    } else {
        format!("TLS failed: {problem}")
    };
    Some(beginning(&text, MAX_TLS_PROBLEM_CHARS))
}

/// What webpki, below rustls, calls a certificate that may sign others. It is what `openssl req -x509` makes, and so the commonest of all
/// that are not trusted; rustls passes it on as text alone.
const AUTHORITY: &str = "CaUsedAsEndEntity";

/// The commonest reasons in words; the others, of which every version of TLS may bring more, as they are called.
fn distrust(why: &CertificateError) -> String {
    use CertificateError as Why;
    let words = if matches!(why, Why::Expired | Why::ExpiredContext { .. }) {
        "it has expired"
    } else if matches!(why, Why::NotValidYet | Why::NotValidYetContext { .. }) {
        "it is not valid yet"
    } else if matches!(why, Why::NotValidForName | Why::NotValidForNameContext { .. }) {
        "it is for another name"
    } else if matches!(why, Why::UnknownIssuer) {
        "its issuer is unknown"
    } else if let Why::Other(other) = why {
        let other = other.to_string();
        return if other == AUTHORITY { "it is an issuer's, not a server's".to_owned() } else { other };
    } else {
        // The name of the reason, without the numbers that may follow it.
        let text = why.to_string();
        return text.split_once(" {").map_or_else(|| text.clone(), |(name, _)| name.to_owned());
    };
    words.to_owned()
}
