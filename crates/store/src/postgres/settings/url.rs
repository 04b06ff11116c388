//! The address of a database.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use escrow::Span;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, SslNegotiation, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::parameters::Parameters;
use super::tls::{Roots, Tls};

/// The forms that an address may have.
const EXPECTED: &str = "expected an address such as postgres://USER:PASSWORD@HOST:PORT/DATABASE";

/// What the server calls the connections of a gateway that has not been given a name.
const APPLICATION_NAME: &str = "milepost";

/// Where PostgreSQL listens, unless it is told otherwise.
const DEFAULT_PORT: u16 = 5432;

/// How long a connection may be silent before the system asks whether the other side is still there.
const KEEPALIVE_AFTER: std::time::Duration = std::time::Duration::from_secs(30);

/// The value of `sslrootcert` that stands for the certificates of the system, as in libpq.
const SYSTEM_ROOTS: &str = "system";

/// What is written as it is, and not as `%…`, in an address that is shown.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The address of a database, `postgres://user:password@host:port/database?sslmode=…`. Its text is shown without the password.
///
/// Several hosts are tried in turn, `host1:port1,host2:port2`. A host that begins with a slash, `?host=/run/postgresql`, is the folder of
/// a socket. The parameters are those of libpq that tokio-postgres knows, but for `options`, and
///
/// - `sslmode`: `disable`; `require`, which encrypts and, as libpq does, does not look at the certificate, so that whoever is in between
///   can pretend to be the database; `verify-full`, which checks the certificate and that it is the host's. Unless it is set it is
///   `disable` where all hosts are this machine, and `verify-full` elsewhere;
/// - `sslrootcert`: the file (PEM) with the certificates that are trusted to sign the database's; without it, or with `system`, those that
///   the system trusts.
#[derive(Clone)]
pub struct DatabaseUrl {
    config: Config,
    tls: Tls,
}

impl DatabaseUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it, in words that do not repeat the password.
    pub fn parse(text: &str) -> Result<DatabaseUrl, String> {
        let is_address = text.starts_with("postgres://") || text.starts_with("postgresql://");
        if !is_address {
            return Err(EXPECTED.to_owned());
        }
        let (head, query) = text.split_once('?').unwrap_or((text, ""));
        // Whatever is cut up in the wrong place could show a part of the password as a host, or as the name of a parameter.
        if head.matches('@').count() > 1 || query.contains('@') {
            return Err("write @ as %40, and ? as %3F, in user, password and parameters".to_owned());
        }
        let parameters = Parameters::parse(query)?;
        let plain = format!("{head}?{}", parameters.others);
        let mut config: Config = plain.parse().map_err(|_| {
            format!("{EXPECTED}, with [ ] around an IPv6 address, and with / ? # @ : and % in user and password as %…")
        })?;
        check_hosts(&config)?;
        let tls = tls(&config, &parameters)?;
        config.ssl_mode(if tls == Tls::Disabled { SslMode::Disable } else { SslMode::Require });
        set_defaults(&mut config, &parameters);
        Ok(DatabaseUrl { config, tls })
    }

    /// How to connect, but for what encrypts.
    pub(in crate::postgres) fn config(&self) -> Config {
        self.config.clone()
    }

    /// How the connection is encrypted.
    #[cfg(test)]
    const fn tls(&self) -> &Tls {
        &self.tls
    }

    /// What encrypts connections; `None` where they are not encrypted.
    ///
    /// # Errors
    /// When the certificates to be trusted cannot be read.
    pub(in crate::postgres) fn connector(&self) -> Result<Option<MakeRustlsConnect>, String> {
        let is_direct = self.config.get_ssl_negotiation() == SslNegotiation::Direct;
        let client = self.tls.client()?.map(|mut client| {
            if is_direct {
                // RFC 7301 name of the protocol, which servers ask for where TLS comes first.
                client.alpn_protocols = vec![b"postgresql".to_vec()];
            }
            MakeRustlsConnect::new(client)
        });
        Ok(client)
    }

    /// How long to wait for a connection, where the address says.
    pub(super) fn connect_timeout(&self) -> Option<Span> {
        let timeout = self.config.get_connect_timeout()?;
        Some(Span::from_ms(i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX)))
    }

    /// What an address says beside the names of its hosts: the text of `user@` and of `/database`.
    fn around(&self) -> (String, String) {
        let encoded = |text: &str| utf8_percent_encode(text, PLAIN).to_string();
        let user = self.config.get_user().map_or_else(String::new, |user| format!("{}@", encoded(user)));
        let database = self.config.get_dbname().map_or_else(String::new, |name| format!("/{}", encoded(name)));
        (user, database)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (user, database) = self.around();
        let (hosts, addresses) = (self.config.get_hosts(), self.config.get_hostaddrs());
        let names: Vec<String> = if hosts.is_empty() {
            addresses.iter().map(|address| shown(&address.to_string())).collect()
        } else {
            hosts.iter().map(host_name).collect()
        };
        let ports = self.config.get_ports();
        let port = |place: usize| ports.get(place).or(ports.first()).copied().unwrap_or(DEFAULT_PORT);
        let places: Vec<String> =
            names.iter().enumerate().map(|(place, name)| format!("{name}:{}", port(place))).collect();
        write!(f, "postgres://{user}{}{database}", places.join(","))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn host_name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => shown(name),
        #[cfg(unix)]
        Host::Unix(folder) => utf8_percent_encode(&folder.to_string_lossy(), PLAIN).to_string(),
    }
}

/// The name of a host as an address has it.
fn shown(name: &str) -> String {
    if name.contains(':') { format!("[{name}]") } else { name.to_owned() }
}

fn check_hosts(config: &Config) -> Result<(), String> {
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let count = hosts.len().max(addresses.len());
    if count == 0 {
        return Err(format!("no host: {EXPECTED}, or a socket with ?host=/run/postgresql"));
    }
    if !hosts.iter().all(is_host) {
        return Err(format!("a host is not understood: {EXPECTED}"));
    }
    if !hosts.is_empty() && !addresses.is_empty() && hosts.len() != addresses.len() {
        return Err("hostaddr: give as many addresses as hosts".to_owned());
    }
    if ports.contains(&0) {
        return Err("port: expected a number from 1 to 65535".to_owned());
    }
    if ports.len() > 1 && ports.len() != count {
        return Err("port: give one for all hosts or one for each; those of hosts before the database's name stand \
                    behind them, as in host1:5432,host2:5433"
            .to_owned());
    }
    Ok(())
}

/// Whether it can be the name or the address of a machine, or the folder of a socket.
fn is_host(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            let is_fitting = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '%');
            !name.is_empty() && name.chars().all(is_fitting)
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

/// How connections are encrypted, given where they lead.
fn tls(config: &Config, parameters: &Parameters) -> Result<Tls, String> {
    let roots = parameters.sslrootcert.as_deref().map(|file| match file {
        SYSTEM_ROOTS => Roots::System,
        _ => Roots::File(PathBuf::from(file)),
    });
    let is_unset_and_here = parameters.sslmode.is_none() && roots.is_none() && all_here(config);
    let tls = match (parameters.sslmode.as_deref(), roots) {
        (Some("disable" | "require"), Some(_)) => {
            return Err("sslrootcert: it is of no use without sslmode=verify-full".to_owned());
        }
        (Some("disable"), None) => Tls::Disabled,
        (Some("require"), None) => Tls::Encrypted,
        (None, None) if is_unset_and_here => Tls::Disabled,
        (Some(_) | None, roots) => Tls::Verified { roots: roots.unwrap_or(Roots::System) },
    };
    if tls != Tls::Disabled && has_socket(config) {
        return Err(
            "sslmode: a socket is not encrypted; name it alone, and leave sslmode and sslrootcert out".to_owned()
        );
    }
    if matches!(tls, Tls::Verified { .. }) && config.get_hosts().is_empty() {
        return Err("hostaddr: give the host as well, whose name is in the certificate".to_owned());
    }
    Ok(tls)
}

fn has_socket(config: &Config) -> bool {
    config.get_hosts().iter().any(|host| match host {
        Host::Tcp(_) => false,
        #[cfg(unix)]
        Host::Unix(_) => true,
    })
}

/// Whether nothing leaves this machine.
fn all_here(config: &Config) -> bool {
    let is_here = |host: &Host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    let addresses = config.get_hostaddrs();
    if addresses.is_empty() {
        config.get_hosts().iter().all(is_here)
    } else {
        addresses.iter().all(|ip| ip.to_canonical().is_loopback())
    }
}

fn set_defaults(config: &mut Config, parameters: &Parameters) {
    if config.get_application_name().is_none() {
        config.application_name(APPLICATION_NAME);
    }
    // What the server takes for granted, so that messages name it.
    if let (None, Some(user)) = (config.get_dbname(), config.get_user()) {
        let user = user.to_owned();
        config.dbname(user);
    }
    if !parameters.others.contains("keepalives_idle=") {
        config.keepalives_idle(KEEPALIVE_AFTER);
    }
    let hosts = config.get_hosts().len().max(config.get_hostaddrs().len());
    if hosts > 1 && !parameters.has_target {
        // Of several servers all but one take no writes.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified(roots: Roots) -> Tls {
        Tls::Verified { roots }
    }

    fn shown(text: &str) -> String {
        DatabaseUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).to_string()
    }

    #[test]
    fn an_address_is_shown_with_everything_but_the_password() {
        for (text, expected) in [
            ("postgres://milepost:s3cret@db.example:5433/pay", "postgres://milepost@db.example:5433/pay"),
            ("postgresql://milepost@db.example/pay", "postgres://milepost@db.example:5432/pay"),
            ("postgres://milepost:s3cret@db.example", "postgres://milepost@db.example:5432/milepost"),
            ("postgres://db.example", "postgres://db.example:5432"),
            ("postgres://u:s3cret@a:1,b,[::1]:3/d", "postgres://u@a:1,b:5432,[::1]:3/d"),
            ("postgres:///pay?host=/run/postgresql&user=u", "postgres://u@%2Frun%2Fpostgresql:5432/pay"),
            ("postgres://u@%2Frun%2Fpostgresql:5433/pay", "postgres://u@%2Frun%2Fpostgresql:5433/pay"),
            ("postgres://h/d?user=u&password=s3cret&connect_timeout=3", "postgres://u@h:5432/d"),
            ("postgres:///d?host=a,b&port=1", "postgres://a:1,b:1/d"),
            ("postgres:///d?host=a&host=b&port=1,2", "postgres://a:1,b:2/d"),
            ("postgres:///d?hostaddr=10.0.0.1&sslmode=require", "postgres://10.0.0.1:5432/d"),
            ("postgres://u%40corp:s3cret%40@h/a%20b%0Ac", "postgres://u%40corp@h:5432/a%20b%0Ac"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
            let url = DatabaseUrl::parse(text).expect(text);
            assert_eq!(format!("{url:?}"), expected, "{text}");
        }
    }

    #[test]
    fn an_address_that_is_shown_leads_to_the_same_place() {
        for text in
            ["postgres://u@a:1,b:2/d", "postgres://u@%2Frun%2Fpostgresql:5433/d", "postgres://u%40c@[::1]:1/a%2Fb"]
        {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn passwords_are_taken_as_they_were_written() {
        for (text, password) in [
            ("postgres://u:p%40s%3Fs%2F%25@h/d", "p@s?s/%"),
            ("postgres://u:a:b#c@h/d", "a:b#c"),
            ("postgres://u:a/b@h/d", "a/b"),
            ("postgres://h/d?user=u&password=a%26b%40", "a&b@"),
        ] {
            let config = DatabaseUrl::parse(text).expect(text).config();
            assert_eq!(config.get_password(), Some(password.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (text, complaint) in [
            ("", "expected an address such as postgres://"),
            ("mysql://u:s3cret@h/d", "expected an address such as postgres://"),
            ("host=h password=s3cret", "expected an address such as postgres://"),
            ("postgres://", "no host"),
            ("postgres:///d?user=u&password=s3cret", "no host"),
            ("postgres://u:s3cret@/d", "no host"),
            ("postgres://u:s3cret@s3cret@h/d", "write @ as %40"),
            ("postgres://u:x?s3cret@h/d", "write @ as %40"),
            ("postgres://u:x@y?s3cret@h/d", "write @ as %40"),
            ("postgres://u:s3cret/d", "expected an address such as postgres://"),
            ("postgres://u:s3cret@h:s3cret/d", "expected an address such as postgres://"),
            ("postgres://u:s3cret@h:0/d", "port: expected a number"),
            ("postgres://u:s3cret@h:99999/d", "expected an address such as postgres://"),
            ("postgres://u:s3cret@[::1/d", "expected an address such as postgres://"),
            ("postgres://u:s3cret@a b/d", "a host is not understood"),
            ("postgres://u:s3cret@h,/d", "a host is not understood"),
            ("postgres://u:s3cret@h/d?port=1", "port: give one for all hosts or one for each"),
            ("postgres://u:s3cret@h/d?hostaddr=10.0.0.1,10.0.0.2", "hostaddr: give as many"),
            ("postgres:///d?hostaddr=10.0.0.1&password=s3cret", "hostaddr: give the host as well"),
            ("postgres://u:s3cret@h/d?sslmode=s3cret", "sslmode: expected"),
            ("postgres://u:s3cret@h/d?s3cret", "a parameter has no value"),
            ("postgres://u:s3cret@h/d?S3cret=1", "unknown parameter;"),
            ("postgres://u:s3cret@h/d?sslmode=require&sslrootcert=a.pem", "sslrootcert: it is of no use"),
            ("postgres://u:s3cret@%2Frun/d?sslmode=require", "sslmode: a socket is not encrypted"),
            ("postgres://u:s3cret@%2Frun,db.example/d", "sslmode: a socket is not encrypted"),
        ] {
            let told = DatabaseUrl::parse(text).expect_err(text);
            assert!(told.starts_with(complaint), "{text}: {told}");
            assert!(!told.to_lowercase().contains("s3cret"), "{text}: {told}");
        }
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted_and_checked_unless_said_otherwise() {
        let file = || Roots::File(PathBuf::from("/etc/ca.pem"));
        for (text, expected) in [
            ("postgres://u@127.0.0.1/d", Tls::Disabled),
            ("postgres://u@localhost,[::1]/d", Tls::Disabled),
            ("postgres://u@[::ffff:127.0.0.1]/d", Tls::Disabled),
            ("postgres:///d?host=/run/postgresql", Tls::Disabled),
            ("postgres://u@db.example/d?hostaddr=127.0.0.1", Tls::Disabled),
            ("postgres://u@localhost/d?hostaddr=10.0.0.1", verified(Roots::System)),
            ("postgres://u@db.example/d", verified(Roots::System)),
            ("postgres://u@10.0.0.1/d", verified(Roots::System)),
            ("postgres://u@localhost,db.example/d", verified(Roots::System)),
            ("postgres://u@localhost.example/d", verified(Roots::System)),
            ("postgres://u@db.example/d?sslmode=disable", Tls::Disabled),
            ("postgres://u@db.example/d?sslmode=require", Tls::Encrypted),
            ("postgres://u@127.0.0.1/d?sslmode=require", Tls::Encrypted),
            ("postgres://u@127.0.0.1/d?sslmode=verify-full", verified(Roots::System)),
            ("postgres://u@127.0.0.1/d?sslrootcert=/etc/ca.pem", verified(file())),
            ("postgres://u@db.example/d?sslmode=verify-full&sslrootcert=/etc/ca.pem", verified(file())),
            ("postgres://u@db.example/d?sslrootcert=system", verified(Roots::System)),
        ] {
            let url = DatabaseUrl::parse(text).expect(text);
            assert_eq!(*url.tls(), expected, "{text}");
            let mode = if expected == Tls::Disabled { SslMode::Disable } else { SslMode::Require };
            assert_eq!(url.config().get_ssl_mode(), mode, "nothing falls back to plain text: {text}");
        }
    }

    #[test]
    fn of_several_servers_the_one_that_takes_writes_is_looked_for() {
        for (text, target) in [
            ("postgres://u@a/d", TargetSessionAttrs::Any),
            ("postgres://u@a,b/d", TargetSessionAttrs::ReadWrite),
            ("postgres://u@a,b/d?target_session_attrs=any", TargetSessionAttrs::Any),
            ("postgres://u@a/d?target_session_attrs=read-write", TargetSessionAttrs::ReadWrite),
        ] {
            let config = DatabaseUrl::parse(text).expect(text).config();
            assert_eq!(config.get_target_session_attrs(), target, "{text}");
        }
    }

    #[test]
    fn connections_have_a_name() {
        for (text, name) in [("postgres://u@h/d", "milepost"), ("postgres://u@h/d?application_name=shop%201", "shop 1")]
        {
            let config = DatabaseUrl::parse(text).expect(text).config();
            assert_eq!(config.get_application_name(), Some(name), "{text}");
        }
    }
}
