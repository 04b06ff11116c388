//! What `milepost serve` takes about limits: who may ask, how often, from where, and how slowly.

use clap::Args;
use escrow::Span;
use server::RateLimits;

use crate::config::Sources;
use crate::config::limits::{
    self, BODY_TIMEOUT, CORS_ORIGINS, HEADER_TIMEOUT, MAX_CONNECTIONS, RATE_LIMIT_ADMIN, RATE_LIMIT_KEYLESS,
    RATE_LIMIT_LIVE, RATE_LIMIT_PUBLIC, RATE_LIMIT_TEST, RATE_LIMITS, TRUSTED_PROXIES,
};
use crate::connections;
use crate::failure::Failure;

/// Limits, in the order of the help.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// `documented`, which the ones below change one by one, or `off` [env: MILEPOST_RATE_LIMITS] [default: documented]
    #[arg(long, value_name = "WHICH")]
    rate_limits: Option<String>,
    /// Requests with each test or hackathon key [env: MILEPOST_RATE_LIMIT_TEST] [default: 100/m,1000/h]
    #[arg(long, value_name = "LIMIT")]
    rate_limit_test: Option<String>,
    /// Requests with each live key [env: MILEPOST_RATE_LIMIT_LIVE] [default: 1000/m,10000/h]
    #[arg(long, value_name = "LIMIT")]
    rate_limit_live: Option<String>,
    /// Requests with each admin key [env: MILEPOST_RATE_LIMIT_ADMIN] [default: 1000/m,10000/h]
    #[arg(long, value_name = "LIMIT")]
    rate_limit_admin: Option<String>,
    /// Requests from each address to what takes no key [env: MILEPOST_RATE_LIMIT_PUBLIC] [default: 600/m]
    #[arg(long, value_name = "LIMIT")]
    rate_limit_public: Option<String>,
    /// Requests from each address without the valid key that they need [env: MILEPOST_RATE_LIMIT_KEYLESS] [default: 60/m]
    #[arg(long, value_name = "LIMIT")]
    rate_limit_keyless: Option<String>,
    /// `*`, `none`, or the origins whose pages may call the API, with commas [env: MILEPOST_CORS_ORIGINS] [default: *]
    #[arg(long, value_name = "ORIGINS")]
    cors_origins: Option<String>,
    /// Proxies whose X-Forwarded-For is believed: addresses and networks, with commas [env: MILEPOST_TRUSTED_PROXIES]
    /// [default: none]
    #[arg(long, value_name = "NETWORKS")]
    trusted_proxies: Option<String>,
    /// Connections at once; past it the longest idle one gives way [env: MILEPOST_MAX_CONNECTIONS] [default: 10000]
    #[arg(long, value_name = "NUMBER")]
    max_connections: Option<String>,
    /// How long the headers of a request may take, and a connection be idle [env: MILEPOST_HEADER_TIMEOUT] [default: 30s]
    #[arg(long, value_name = "TIME")]
    header_timeout: Option<String>,
    /// How long the body of a request may take [env: MILEPOST_BODY_TIMEOUT] [default: 30s]
    #[arg(long, value_name = "TIME")]
    body_timeout: Option<String>,
}

/// The limits that were set.
pub(crate) struct Limits {
    /// On connections.
    pub(crate) connections: connections::Limits,
    rate_limits: RateLimits,
    origins: server::Origins,
    trusted_proxies: Vec<ipnet::IpNet>,
    body_timeout: Span,
}

impl LimitArgs {
    /// What was set.
    ///
    /// # Errors
    /// When something of it is not understood.
    pub(crate) fn limits(&self, sources: &Sources) -> Result<Limits, Failure> {
        Ok(Limits {
            connections: connections::Limits {
                most: sources.get(&MAX_CONNECTIONS, self.max_connections.as_deref())?,
                header_timeout: sources.get(&HEADER_TIMEOUT, self.header_timeout.as_deref())?,
            },
            rate_limits: self.rate_limits(sources)?,
            origins: sources.get(&CORS_ORIGINS, self.cors_origins.as_deref())?,
            trusted_proxies: sources.get(&TRUSTED_PROXIES, self.trusted_proxies.as_deref())?,
            body_timeout: sources.get(&BODY_TIMEOUT, self.body_timeout.as_deref())?,
        })
    }

    fn rate_limits(&self, sources: &Sources) -> Result<RateLimits, Failure> {
        let which = sources.get(&RATE_LIMITS, self.rate_limits.as_deref())?;
        let mut set = RateLimits::DOCUMENTED;
        for (limit, setting, flag) in [
            (&mut set.test, &RATE_LIMIT_TEST, &self.rate_limit_test),
            (&mut set.live, &RATE_LIMIT_LIVE, &self.rate_limit_live),
            (&mut set.admin, &RATE_LIMIT_ADMIN, &self.rate_limit_admin),
            (&mut set.public, &RATE_LIMIT_PUBLIC, &self.rate_limit_public),
            (&mut set.keyless, &RATE_LIMIT_KEYLESS, &self.rate_limit_keyless),
        ] {
            if let Some(other) = sources.find(setting, flag.as_deref())? {
                *limit = other;
            }
        }
        Ok(match which {
            limits::RateLimits::Documented => set,
            limits::RateLimits::Off => RateLimits::OFF,
        })
    }
}

impl Limits {
    /// Settings of the API with these limits.
    pub(crate) fn apply(self, settings: server::Settings) -> server::Settings {
        let Limits { connections: _, rate_limits, origins, trusted_proxies, body_timeout } = self;
        server::Settings { rate_limits, origins, trusted_proxies, body_timeout, ..settings }
    }
}
