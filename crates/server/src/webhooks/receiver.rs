//! Receivers of webhook calls for tests: real sockets on this machine that say exactly what they are told, whatever that is.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use engine::Host;
use escrow::Span;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What a receiver does with every connection.
#[derive(Clone, Debug)]
pub(super) enum Manner {
    /// Says this to each request, and waits for the next.
    Answers(String),
    /// Says this to the first request, and ends the connection.
    AnswersOnce(String),
    /// Says this before it has heard anything, and then listens.
    SpeaksFirst(String),
    /// Says the first to the first request, and then the second as long as anybody listens.
    Floods(String, String),
    /// The same, so slowly that it never gets anywhere.
    Drips(String, String),
    /// Ends the connection before it has heard anything.
    Closes,
}

/// A receiver, and what it has seen so far.
#[derive(Clone)]
pub(super) struct Receiver {
    /// Where it listens.
    pub(super) address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<String>>,
    connections: AtomicU64,
    said_bytes: AtomicU64,
}

impl Receiver {
    /// A receiver that speaks HTTP, or pretends to.
    pub(super) async fn start(host: &Arc<dyn Host>, manner: Manner) -> Receiver {
        Receiver::listen(host, manner, None).await
    }

    /// The same over TLS.
    pub(super) async fn start_tls(host: &Arc<dyn Host>, manner: Manner, tls: TlsAcceptor) -> Receiver {
        Receiver::listen(host, manner, Some(tls)).await
    }

    async fn listen(host: &Arc<dyn Host>, manner: Manner, tls: Option<TlsAcceptor>) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Seen::default());
        let receiver = Receiver { address, seen: seen.clone() };
        let tasks = host.clone();
        host.spawn(Box::pin(async move {
            while let Ok((stream, _)) = listener.accept().await {
                seen.connections.fetch_add(1, Ordering::SeqCst);
                let (seen, manner, tls, host) = (seen.clone(), manner.clone(), tls.clone(), tasks.clone());
                tasks.spawn(Box::pin(async move {
                    // Whoever is called may go away at any time, which is not for the receiver to judge.
                    let ended = match tls {
                        None => seen.serve(stream, manner, host.as_ref()).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => seen.serve(stream, manner, host.as_ref()).await,
                            Err(error) => Err(error),
                        },
                    };
                    drop(ended);
                }));
            }
        }));
        receiver
    }

    /// An address under which this receiver is reached, by this name.
    pub(super) fn url(&self, scheme: &str, name: &str) -> String {
        format!("{scheme}://{name}:{}/hook", self.address.port())
    }

    /// The requests that have arrived.
    pub(super) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().expect("nobody panics with it").clone()
    }

    /// How many connections were made.
    pub(super) fn connections(&self) -> u64 {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// How much the network took of what was said.
    pub(super) fn said_bytes(&self) -> u64 {
        self.seen.said_bytes.load(Ordering::SeqCst)
    }
}

impl Seen {
    async fn serve<S>(&self, mut stream: S, manner: Manner, host: &dyn Host) -> std::io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        match manner {
            Manner::Closes => {}
            Manner::SpeaksFirst(text) => {
                self.say(&mut stream, &text).await?;
                while self.hear(&mut stream).await? {}
            }
            Manner::Answers(text) => {
                while self.hear(&mut stream).await? {
                    self.say(&mut stream, &text).await?;
                }
            }
            Manner::AnswersOnce(text) => {
                self.hear(&mut stream).await?;
                self.say(&mut stream, &text).await?;
            }
            Manner::Floods(text, more) => {
                self.hear(&mut stream).await?;
                self.say(&mut stream, &text).await?;
                loop {
                    self.say(&mut stream, &more).await?;
                }
            }
            Manner::Drips(text, more) => {
                self.hear(&mut stream).await?;
                self.say(&mut stream, &text).await?;
                loop {
                    self.say(&mut stream, &more).await?;
                    host.sleep(Span::from_ms(5)).await;
                }
            }
        }
        stream.shutdown().await
    }

    async fn say<S: AsyncWrite + Unpin>(&self, stream: &mut S, text: &str) -> std::io::Result<()> {
        stream.write_all(text.as_bytes()).await?;
        stream.flush().await?;
        self.said_bytes.fetch_add(text.len() as u64, Ordering::SeqCst);
        Ok(())
    }

    /// Whether another request has arrived, whole.
    async fn hear<S: AsyncRead + Unpin>(&self, stream: &mut S) -> std::io::Result<bool> {
        let mut heard = Vec::new();
        while !is_whole(&heard) {
            if stream.read_buf(&mut heard).await? == 0 {
                return Ok(false);
            }
        }
        let text = String::from_utf8(heard).expect("calls are text");
        self.requests.lock().expect("nobody panics with it").push(text);
        Ok(true)
    }
}

fn is_whole(heard: &[u8]) -> bool {
    let text = String::from_utf8_lossy(heard);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().expect("a length"))
}
