//! A gateway in this process: the engine on a store, behind HTTP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use engine::{Config, Courier, Engine, Host, Keyring, Parts, SimulatedPayments};
use escrow::Span;
use server::{Gateway, MetricsAt, Poster, WireEvents};
use store::Store;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{oneshot, watch};

use crate::connections::{Limits, serve};
use crate::failure::Failure;
use crate::meter;

/// How long requests may go on after the gateway was asked to stop. With [`ENGINE_GRACE`], well below the ten seconds within
/// which the process has to be gone.
const HTTP_GRACE: Span = Span::from_seconds(4);

/// How long the engine may go on after that.
const ENGINE_GRACE: Span = Span::from_seconds(4);

/// How many connections may wait to be taken, if the system allows so many (`net.core.somaxconn` on Linux). Whoever comes when there is
/// no more room has to knock again, which takes a second or more: with few, anybody could have everybody wait for that.
const BACKLOG: u32 = 4096;

/// What a gateway is made of.
pub(crate) struct Plan {
    /// Where state is kept.
    pub(crate) store: Arc<dyn Store>,
    /// What it runs on.
    pub(crate) host: Arc<dyn Host>,
    /// What keys are recognised by.
    pub(crate) keyring: Keyring,
    /// What the operator has set about the engine.
    pub(crate) config: Config,
    /// What the operator has set about HTTP.
    pub(crate) settings: server::Settings,
    /// What the operator has set about connections.
    pub(crate) connections: Limits,
    /// Where measures are shown, if not beside the API.
    pub(crate) metrics: Option<TcpListener>,
}

/// A running gateway.
pub(crate) struct Running {
    gateway: Arc<Gateway>,
    engine: Arc<Engine>,
    courier: Courier,
    host: Arc<dyn Host>,
    connections: Limits,
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<()>,
}

/// Takes an address to listen on, which this flag sets.
///
/// # Errors
/// When somebody else listens there, or it is not this machine's.
pub(crate) async fn bind(flag: &str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let cannot = |error: std::io::Error| {
        let is_taken = error.kind() == std::io::ErrorKind::AddrInUse;
        let advice = format!("; choose another port with {flag}, or stop what listens there");
        let advice = if is_taken { advice.as_str() } else { "" };
        Failure::unavailable(format!("cannot listen on {address}: {error}{advice}"))
    };
    let listener = listen(address).map_err(cannot)?;
    let real = listener.local_addr().map_err(cannot)?;
    Ok((listener, real))
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // What ended a moment ago does not keep a restart from its port. Elsewhere it would let others have the port at the same time.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The address under which this machine reaches a gateway that listens there.
pub(crate) fn local_url(listening: SocketAddr) -> String {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    format!("http://{}", SocketAddr::new(ip, listening.port()))
}

/// Starts a gateway. It takes requests from now on.
pub(crate) fn start(plan: Plan, listener: TcpListener) -> Running {
    let Plan { store, host, keyring, config, mut settings, connections, metrics } = plan;
    let present = Arc::new(WireEvents);
    let payments = Arc::new(SimulatedPayments);
    let engine = Engine::start(Parts { store, host: host.clone(), present, payments, config });
    if metrics.is_some() {
        settings.metrics_at = MetricsAt::Elsewhere;
    }
    let poster = Poster::new(host.clone(), settings.webhook_targets);
    let courier = engine.courier(keyring.clone(), Arc::new(poster));
    let gateway = Gateway::measured(engine.clone(), keyring, settings, meter::install(&host));
    let (stop, stopped) = watch::channel(false);
    let (end, ended) = oneshot::channel();
    if let Some(listener) = metrics {
        let router = server::metrics_router(gateway.clone());
        host.spawn(Box::pin(serve(listener, router, host.clone(), connections, stopped.clone())));
    }
    let serving = serve(listener, server::web_router(gateway.clone()), host.clone(), connections, stopped);
    host.spawn(Box::pin(async move {
        serving.await;
        drop(end);
    }));
    Running { gateway, engine, courier, host, connections, stop, ended }
}

impl Running {
    /// Serves, beside the gateway and until it stops, the handler that it is compared with.
    pub(crate) fn serve_constant(&self, listener: TcpListener) {
        let router = server::constant_router(self.gateway.clone());
        let host = self.host.clone();
        self.host.spawn(Box::pin(serve(listener, router, host, self.connections, self.stop.subscribe())));
    }

    /// What decides and stores.
    pub(crate) const fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// What was measured so far, in the Prometheus text format.
    pub(crate) fn metrics(&self) -> String {
        self.gateway.metrics.as_ref().map_or_else(String::new, |render| render())
    }

    /// Takes nothing new, answers what is under way, and closes the store; within bounds, after which what is still open is cut
    /// off. Whatever was answered before is durable either way.
    pub(crate) async fn stop(self) {
        let Running { gateway, engine, courier, host, connections: _, stop, ended } = self;
        stop.send_replace(true);
        tokio::select! {
            _ = ended => {}
            () = host.sleep(HTTP_GRACE) => tracing::warn!("some requests were cut off"),
        }
        let rest = async {
            tokio::join!(gateway.finish_log(), courier.stop());
            engine.shut_down().await;
        };
        tokio::select! {
            () = rest => {}
            () = host.sleep(ENGINE_GRACE) => tracing::warn!("the engine did not come to rest in time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_to_connect_to() {
        for (listening, url) in [
            ("127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:80", "http://[::1]:80"),
            ("192.0.2.1:80", "http://192.0.2.1:80"),
        ] {
            assert_eq!(local_url(listening.parse().expect("an address")), url);
        }
    }
}
