//! What the operator has set: flags win over `MILEPOST_*` variables, those over `milepost.toml`, that over the defaults.
//!
//! Every setting has one name: `settlement_delay` in the file is `--settlement-delay` and `MILEPOST_SETTLEMENT_DELAY`. All of
//! them are read as text in the same way, so that a message can say where a wrong one came from.

use std::ffi::OsString;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use engine::key_kind;
use escrow::{DefaultResolution, Span};
use server::WebhookTargets;
use store::KeyKind;

use crate::failure::Failure;

pub(crate) mod database;
pub(crate) mod limits;

/// The file that is read when none is named and it is there.
const DEFAULT_FILE: &str = "milepost.toml";

/// The largest file that is read, in bytes: 1 MiB.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// A setting: its name, what it is when nobody sets it, and how its text is read.
pub(crate) struct Setting<T> {
    name: &'static str,
    default: Option<&'static str>,
    parse: fn(&str) -> Result<T, String>,
}

impl<T> Setting<T> {
    /// Reads a text that was found at `origin`.
    ///
    /// # Errors
    /// When it is not understood; the message says where it was found.
    pub(crate) fn read(&self, origin: &str, text: &str) -> Result<T, Failure> {
        (self.parse)(text).map_err(|problem| Failure::usage(format!("{origin}: {problem}")))
    }
}

/// Where the gateway listens.
pub(crate) const LISTEN: Setting<SocketAddr> =
    Setting { name: "listen", default: Some("127.0.0.1:3000"), parse: parse_listen };
/// Where measures are shown, if not beside the API.
pub(crate) const METRICS_LISTEN: Setting<SocketAddr> =
    Setting { name: "metrics_listen", default: None, parse: parse_listen };
/// The folder of the embedded store, and of the gateway's secret.
pub(crate) const DATA: Setting<PathBuf> =
    Setting { name: "data", default: Some("./milepost-data"), parse: parse_folder };
/// The file with the gateway's secret, if not in that folder.
pub(crate) const SECRET_FILE: Setting<PathBuf> = Setting { name: "secret_file", default: None, parse: parse_file };
/// The address that others reach the gateway under; where it listens, unless set.
pub(crate) const PUBLIC_URL: Setting<String> = Setting { name: "public_url", default: None, parse: parse_url };
/// A sandbox key that is made sure to exist.
pub(crate) const TEST_KEY: Setting<String> = Setting { name: "test_key", default: None, parse: parse_test_key };
/// How long after a release its settlement starts.
pub(crate) const SETTLEMENT_DELAY: Setting<Span> =
    Setting { name: "settlement_delay", default: Some("10s"), parse: parse_span };
/// How long after it is settled an intent becomes final.
pub(crate) const FINALITY_PERIOD: Setting<Span> =
    Setting { name: "finality_period", default: Some("7d"), parse: parse_span };
/// How long the sandbox's simulated chain takes for a block.
pub(crate) const BLOCK_TIME: Setting<Span> = Setting { name: "block_time", default: Some("2s"), parse: parse_span };
/// The chain that payers' signatures are for.
pub(crate) const CHAIN_ID: Setting<u64> =
    Setting { name: "chain_id", default: Some("11155111"), parse: parse_chain_id };
/// What the gateway keeps of every release.
pub(crate) const FEE_BASIS_POINTS: Setting<u16> =
    Setting { name: "fee_basis_points", default: Some("0"), parse: parse_basis_points };
/// How a dispute ends that nobody decides in time.
pub(crate) const DEFAULT_RESOLUTION: Setting<DefaultResolution> =
    Setting { name: "default_resolution", default: Some("BUYER_WON"), parse: parse_default_resolution };
/// How long requests are kept for `/requests`.
pub(crate) const REQUEST_LOG: Setting<Span> = Setting { name: "request_log", default: Some("7d"), parse: parse_span };
/// Where the webhook endpoints of the sandbox may be; it depends on who can reach the gateway, unless set.
pub(crate) const WEBHOOK_TARGETS: Setting<WebhookTargets> =
    Setting { name: "webhook_targets", default: None, parse: parse_webhook_targets };
/// What is logged.
pub(crate) const LOG_LEVEL: Setting<String> =
    Setting { name: "log_level", default: Some("info"), parse: parse_log_level };

/// The names that the file may hold, beside those of [`database`] and [`limits`].
const NAMES: [&str; 15] = [
    LISTEN.name,
    METRICS_LISTEN.name,
    DATA.name,
    SECRET_FILE.name,
    PUBLIC_URL.name,
    TEST_KEY.name,
    SETTLEMENT_DELAY.name,
    FINALITY_PERIOD.name,
    BLOCK_TIME.name,
    CHAIN_ID.name,
    FEE_BASIS_POINTS.name,
    DEFAULT_RESOLUTION.name,
    REQUEST_LOG.name,
    WEBHOOK_TARGETS.name,
    LOG_LEVEL.name,
];

/// Everything outside the command line that settings come from.
pub(crate) struct Sources {
    variable: fn(&str) -> Option<String>,
    file: Option<File>,
}

struct File {
    path: PathBuf,
    values: toml::Table,
}

impl Sources {
    /// The environment of this process, and the file at `named`, at `MILEPOST_CONFIG`, or `./milepost.toml` where that exists.
    ///
    /// # Errors
    /// When a variable is not text, a named file cannot be read, or a file is not understood.
    pub(crate) fn of_process(named: Option<&Path>) -> Result<Sources, Failure> {
        if let Some(name) = not_text(std::env::vars_os()) {
            return Err(Failure::usage(format!("{name}: expected text in UTF-8")));
        }
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let named = named.map(Path::to_owned).or_else(|| variable("MILEPOST_CONFIG").map(PathBuf::from));
        Ok(Sources { variable, file: File::find(named)? })
    }

    /// The setting, from the first place that has it, or its default.
    ///
    /// # Errors
    /// When the text is not understood, or nothing sets what has no default.
    pub(crate) fn get<T>(&self, setting: &Setting<T>, flag: Option<&str>) -> Result<T, Failure> {
        if let Some(value) = self.find(setting, flag)? {
            return Ok(value);
        }
        let default = setting.default.ok_or_else(|| Failure::usage(format!("{} must be set", setting.name)))?;
        setting.read(setting.name, default)
    }

    /// The setting, from the first place that has it, if any has.
    ///
    /// # Errors
    /// When the text is not understood.
    pub(crate) fn find<T>(&self, setting: &Setting<T>, flag: Option<&str>) -> Result<Option<T>, Failure> {
        let Some((text, origin)) = self.text(setting.name, flag) else { return Ok(None) };
        setting.read(&origin, &text).map(Some)
    }

    /// The text of a setting, and where it was found.
    fn text(&self, name: &str, flag: Option<&str>) -> Option<(String, String)> {
        let variable = format!("MILEPOST_{}", name.to_uppercase());
        flag.map(|text| (text.to_owned(), format!("--{}", name.replace('_', "-"))))
            .or_else(|| (self.variable)(&variable).map(|text| (text, variable)))
            .or_else(|| self.file.as_ref()?.text(name))
    }
}

impl File {
    fn find(named: Option<PathBuf>) -> Result<Option<File>, Failure> {
        match named {
            Some(path) => File::read(path).map(Some),
            None if Path::new(DEFAULT_FILE).exists() => File::read(PathBuf::from(DEFAULT_FILE)).map(Some),
            None => Ok(None),
        }
    }

    fn read(path: PathBuf) -> Result<File, Failure> {
        let mut text = String::new();
        let read = std::fs::File::open(&path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text));
        let size = read.map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?;
        if size as u64 > MAX_FILE_BYTES {
            return Err(Failure::usage(format!("{} has more than {MAX_FILE_BYTES} bytes", path.display())));
        }
        File::parse(path, &text)
    }

    fn parse(path: PathBuf, text: &str) -> Result<File, Failure> {
        let wrong = |problem: String| Failure::usage(format!("{}: {problem}", path.display()));
        let values: toml::Table = text.parse().map_err(|error: toml::de::Error| wrong(problem(&error, text)))?;
        for (name, value) in &values {
            let names = NAMES.iter().chain(&database::NAMES).chain(&limits::NAMES).copied();
            if !names.clone().any(|known| known == name) {
                let names = names.collect::<Vec<_>>().join(", ");
                return Err(wrong(format!("unknown setting {name:?}; there are {names}")));
            }
            if plain_text(value).is_none() {
                return Err(wrong(format!("{name} must be a text or a whole number")));
            }
        }
        Ok(File { path, values })
    }

    fn text(&self, name: &str) -> Option<(String, String)> {
        let text = plain_text(self.values.get(name)?)?;
        Some((text, format!("{}: {name}", self.path.display())))
    }
}

/// The first of our variables whose value is not text.
fn not_text(variables: impl Iterator<Item = (OsString, OsString)>) -> Option<String> {
    let mut names =
        variables.filter(|(_, value)| value.to_str().is_none()).filter_map(|(name, _)| name.into_string().ok());
    names.find(|name| name.starts_with("MILEPOST_"))
}

/// What is wrong with a file, and where: without the line itself, which may hold a password.
fn problem(error: &toml::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or_else(String::new, |before| format!("line {}: ", before.matches('\n').count() + 1));
    format!("{line}{}", error.message())
}

/// A value of the file as the text that a flag would have. Settings are texts and whole numbers, nothing else.
fn plain_text(value: &toml::Value) -> Option<String> {
    value.as_str().map(str::to_owned).or_else(|| value.as_integer().map(|number| number.to_string()))
}

fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let text = numeric.as_deref().unwrap_or(text);
    text.parse().map_err(|_| format!("expected an address and a port such as 127.0.0.1:3000, not {text:?}"))
}

fn parse_folder(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("expected a folder".to_owned()) } else { Ok(PathBuf::from(text)) }
}

fn parse_file(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("expected a file".to_owned()) } else { Ok(PathBuf::from(text)) }
}

/// Reads a whole number within these bounds.
fn parse_whole(text: &str, bounds: RangeInclusive<usize>) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| bounds.contains(number));
    number.ok_or_else(|| format!("expected a whole number from {} to {}, not {text:?}", bounds.start(), bounds.end()))
}

/// Reads an address to which paths are added, as browsers write it.
fn parse_url(text: &str) -> Result<String, String> {
    let wrong = || format!("expected an address such as https://pay.example.com, not {text:?}");
    let url = reqwest::Url::parse(text).map_err(|_| wrong())?;
    let has_blanks = text.contains(|c: char| c.is_whitespace() || c.is_control());
    let has_user = !url.username().is_empty() || url.password().is_some();
    let has_more = url.query().is_some() || url.fragment().is_some();
    let is_plain = matches!(url.scheme(), "http" | "https") && !has_blanks && !has_user && !has_more;
    if is_plain { Ok(url.as_str().trim_end_matches('/').to_owned()) } else { Err(wrong()) }
}

/// The text is not repeated in the message: it may be a live key that went astray.
fn parse_test_key(text: &str) -> Result<String, String> {
    match key_kind(text).map_err(|error| error.to_string())? {
        KeyKind::Test | KeyKind::Hackathon => Ok(text.to_owned()),
        KeyKind::Live | KeyKind::Admin => Err("only sk_test_… and sk_hackathon_… keys can be brought along".to_owned()),
    }
}

fn parse_basis_points(text: &str) -> Result<u16, String> {
    const WHOLE: u16 = 10_000;
    let wrong = || format!("expected hundredths of a percent from 0 to {WHOLE}, not {text:?}");
    text.parse().ok().filter(|points| *points <= WHOLE).ok_or_else(wrong)
}

fn parse_default_resolution(text: &str) -> Result<DefaultResolution, String> {
    let names = || DefaultResolution::ALL.iter().map(|resolution| resolution.name()).collect::<Vec<_>>().join(" or ");
    DefaultResolution::from_name(text).ok_or_else(|| format!("expected {}, not {text:?}", names()))
}

fn parse_webhook_targets(text: &str) -> Result<WebhookTargets, String> {
    WebhookTargets::from_name(text).ok_or_else(|| format!("expected public, loopback or private, not {text:?}"))
}

/// Where the webhook endpoints of the sandbox may be when nobody has said so. Who can reach a gateway that is for this machine alone can
/// reach what else listens here, and is a developer. Others must not reach it through the gateway; so a gateway that listens here behind a
/// proxy, and therefore has a public address, is none of those.
pub(crate) fn default_webhook_targets(listen: SocketAddr, public_url: Option<&str>) -> WebhookTargets {
    let is_here = listen.ip().to_canonical().is_loopback() && public_url.is_none_or(leads_to_this_machine);
    if is_here { WebhookTargets::Loopback } else { WebhookTargets::Public }
}

fn leads_to_this_machine(url: &str) -> bool {
    let url = reqwest::Url::parse(url).ok();
    let host = url.as_ref().and_then(reqwest::Url::host_str).unwrap_or_default();
    let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// EIP-155 sets no bound; 2^53 - 1 is the largest number that every client of JSON reads exactly.
fn parse_chain_id(text: &str) -> Result<u64, String> {
    const LARGEST: u64 = (1 << 53) - 1;
    let id = text.parse().ok().filter(|id| (1..=LARGEST).contains(id));
    id.ok_or_else(|| format!("must be a whole number from 1 to {LARGEST}"))
}

/// Directives of a log filter. A single word must be a level: the filter would take any other for the name of a module, and
/// log nothing.
fn parse_log_level(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let is_fitting = |directive: &str| {
        let level = directive.rsplit('=').next().unwrap_or_default().trim();
        LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level))
    };
    if text.split(',').all(is_fitting) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "expected off, error, warn, info, debug or trace, also per module as in engine=debug, not {text:?}"
        ))
    }
}

/// Reads a length of time: a whole number with `ms`, `s`, `m`, `h` or `d`; seconds where no unit is given.
pub(crate) fn parse_span(text: &str) -> Result<Span, String> {
    const UNITS_MS: [(&str, i64); 6] =
        [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("", 1_000)];
    let wrong = || format!("expected a length of time such as 500ms, 10s, 15m, 24h or 90d, not {text:?}");
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let unit_ms = UNITS_MS.into_iter().find(|(name, _)| *name == unit).map(|(_, ms)| ms).ok_or_else(wrong)?;
    let number: i64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(unit_ms).map(Span::from_ms).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use store::{DatabaseUrl, PostgresSettings};

    use super::*;

    fn sources(variable: fn(&str) -> Option<String>, file: &str) -> Sources {
        Sources { variable, file: Some(File::parse(PathBuf::from("milepost.toml"), file).expect("a file")) }
    }

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let from_environment = |name: &str| (name == "MILEPOST_LISTEN").then(|| "127.0.0.1:2".to_owned());
        let port = |sources: &Sources, flag| sources.get(&LISTEN, flag).expect("an address").port();
        let file = "listen = \"127.0.0.1:3\"";
        assert_eq!(port(&sources(from_environment, file), Some("127.0.0.1:1")), 1);
        assert_eq!(port(&sources(from_environment, file), None), 2);
        assert_eq!(port(&sources(nothing, file), None), 3);
        assert_eq!(port(&sources(nothing, ""), None), 3000);
    }

    #[test]
    fn whoever_sets_something_wrong_is_told_where() {
        let message = |sources: &Sources, flag| sources.get(&FEE_BASIS_POINTS, flag).expect_err("wrong").to_string();
        let problem = "expected hundredths of a percent from 0 to 10000, not";
        let from_environment = |name: &str| (name == "MILEPOST_FEE_BASIS_POINTS").then(|| "10001".to_owned());
        assert_eq!(message(&sources(nothing, ""), Some("-1")), format!("--fee-basis-points: {problem} \"-1\""));
        assert_eq!(
            message(&sources(from_environment, ""), None),
            format!("MILEPOST_FEE_BASIS_POINTS: {problem} \"10001\"")
        );
        assert_eq!(
            message(&sources(nothing, "fee_basis_points = 20000"), None),
            format!("milepost.toml: fee_basis_points: {problem} \"20000\"")
        );
    }

    #[test]
    fn a_file_that_is_not_understood_is_refused() {
        for text in ["port = \"127.0.0.1:1\"", "listen = [1]", "listen = true", "listen", "fee_basis_points = 0.5"] {
            assert!(File::parse(PathBuf::from("milepost.toml"), text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_line_that_is_not_understood_is_named_and_not_shown() {
        let text = "listen = \"127.0.0.1:1\"\ndatabase_url = \"postgres://u:s3cret@h/d\nlog_level = 3";
        let told = File::parse(PathBuf::from("milepost.toml"), text).err().expect("it is not TOML").to_string();
        assert!(told.starts_with("milepost.toml: line 2: ") && !told.contains("s3cret"), "{told}");
    }

    #[test]
    fn variables_that_are_not_text_are_named() {
        use std::os::unix::ffi::OsStringExt;
        let broken = || OsString::from_vec(vec![b'/', 0xFF]);
        let found = |name: &str, value| not_text([(OsString::from(name), value)].into_iter());
        assert_eq!(found("MILEPOST_DATA", broken()).as_deref(), Some("MILEPOST_DATA"));
        assert_eq!(found("MILEPOST_DATA", OsString::from("/data")), None);
        assert_eq!(found("SOMEBODY_ELSES", broken()), None);
    }

    #[test]
    fn a_file_without_an_end_is_not_read_for_ever() {
        let told = File::read(PathBuf::from("/dev/zero")).err().expect("too large").to_string();
        assert_eq!(told, "/dev/zero has more than 1048576 bytes");
    }

    #[test]
    fn public_addresses_are_as_browsers_write_them() {
        for (text, read) in [
            ("https://pay.example.com", "https://pay.example.com"),
            ("https://Pay.Example.com/", "https://pay.example.com"),
            ("https://pay.example.com:443/shop/", "https://pay.example.com/shop"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("https://pay.example.com/<b>", "https://pay.example.com/%3Cb%3E"),
        ] {
            assert_eq!(parse_url(text).as_deref(), Ok(read), "{text}");
        }
        for text in [
            "",
            "pay.example.com",
            "ftp://pay.example.com",
            "https://pay.example.com/?a=b",
            "https://pay.example.com/#a",
            "https://you:me@pay.example.com",
            "https://pay.example.com/a b",
            "https://pay.example.com\n",
            " https://pay.example.com",
        ] {
            assert!(parse_url(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn lengths_of_time() {
        for (text, ms) in [
            ("0", 0),
            ("10", 10_000),
            ("500ms", 500),
            ("10s", 10_000),
            ("15m", 900_000),
            ("24h", 86_400_000),
            ("90d", 7_776_000_000),
        ] {
            assert_eq!(parse_span(text), Ok(Span::from_ms(ms)), "{text}");
        }
        for text in ["", "s", "-1s", "1.5h", "10 s", "10w", "1h30m", "99999999999999999d"] {
            assert!(parse_span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn how_disputes_end_that_nobody_decides() {
        let read = |sources: &Sources, flag| sources.get(&DEFAULT_RESOLUTION, flag).map_err(|error| error.to_string());
        let from_environment = |name: &str| (name == "MILEPOST_DEFAULT_RESOLUTION").then(|| "MERCHANT_WON".to_owned());
        let file = "default_resolution = \"MERCHANT_WON\"";
        assert_eq!(read(&sources(nothing, ""), None), Ok(DefaultResolution::BuyerWon));
        assert_eq!(read(&sources(nothing, file), None), Ok(DefaultResolution::MerchantWon));
        assert_eq!(read(&sources(from_environment, ""), None), Ok(DefaultResolution::MerchantWon));
        assert_eq!(read(&sources(from_environment, file), Some("BUYER_WON")), Ok(DefaultResolution::BuyerWon));
        for text in ["", "buyer_won", "PARTIAL_REFUND"] {
            let told = read(&sources(nothing, ""), Some(text)).expect_err("neither");
            assert!(told.starts_with("--default-resolution: expected ") && told.contains("BUYER_WON"), "{told}");
        }
    }

    #[test]
    fn webhook_endpoints_are_on_this_machine_only_where_the_gateway_is_for_nobody_else() {
        let (here, elsewhere) = (WebhookTargets::Loopback, WebhookTargets::Public);
        for (listen, public_url, targets) in [
            ("127.0.0.1:3000", None, here),
            ("127.8.8.8:0", None, here),
            ("localhost:3000", None, here),
            ("[::1]:3000", None, here),
            ("[::ffff:127.0.0.1]:3000", None, here),
            ("127.0.0.1:3000", Some("http://localhost:3000"), here),
            ("127.0.0.1:3000", Some("http://127.0.0.1:8080"), here),
            ("127.0.0.1:3000", Some("http://[::1]"), here),
            ("127.0.0.1:3000", Some("https://pay.example.com"), elsewhere),
            ("127.0.0.1:3000", Some("http://10.0.0.1:3000"), elsewhere),
            ("0.0.0.0:3000", None, elsewhere),
            ("0.0.0.0:3000", Some("http://localhost:3000"), elsewhere),
            ("[::]:3000", None, elsewhere),
            ("10.0.0.1:3000", None, elsewhere),
            ("93.184.215.14:3000", None, elsewhere),
        ] {
            let listen = parse_listen(listen).expect(listen);
            assert_eq!(default_webhook_targets(listen, public_url), targets, "{listen} {public_url:?}");
        }
    }

    #[test]
    fn webhook_endpoints_may_be_put_elsewhere() {
        let read = |flag| sources(nothing, "").find(&WEBHOOK_TARGETS, flag).map_err(|error| error.to_string());
        assert_eq!(read(None), Ok(None));
        for targets in WebhookTargets::ALL {
            assert_eq!(read(Some(targets.name())), Ok(Some(targets)));
        }
        let wrong = "--webhook-targets: expected public, loopback or private, not \"all\"";
        assert_eq!(read(Some("all")), Err(wrong.to_owned()));
    }

    #[test]
    fn only_sandbox_keys_are_brought_along_and_no_message_repeats_one() {
        let sources = sources(nothing, "");
        assert!(sources.find(&TEST_KEY, Some("sk_test_abcdefgh")).is_ok());
        assert!(sources.find(&TEST_KEY, Some("sk_hackathon_abcdefgh")).is_ok());
        for text in ["sk_live_abcdefgh", "sk_admin_abcdefgh", "sk_test_x", "abcdefgh"] {
            let message = sources.find(&TEST_KEY, Some(text)).expect_err(text).to_string();
            assert!(!message.contains("abcdefgh"), "{message}");
        }
    }

    #[test]
    fn every_default_is_understood() {
        let sources = sources(nothing, "");
        assert!(sources.get(&LISTEN, None).is_ok());
        assert!(sources.get(&DATA, None).is_ok());
        let usual = PostgresSettings::of(DatabaseUrl::parse("postgres://u@h/d").expect("an address"));
        assert_eq!(sources.get(&database::DATABASE_CONNECTIONS, None).ok(), Some(usual.connections));
        assert_eq!(sources.get(&database::DATABASE_STATEMENT_TIMEOUT, None).ok(), Some(usual.statement_timeout));
        assert_eq!(sources.get(&database::DATABASE_LOCK_TIMEOUT, None).ok(), Some(usual.lock_timeout));
        assert_eq!(sources.get(&limits::RATE_LIMITS, None).ok(), Some(limits::RateLimits::Documented));
        assert_eq!(sources.get(&limits::CORS_ORIGINS, None).ok(), Some(server::Origins::All));
        assert_eq!(sources.get(&limits::TRUSTED_PROXIES, None).ok(), Some(Vec::new()));
        let http = crate::connections::Limits::default();
        assert_eq!(sources.get(&limits::MAX_CONNECTIONS, None).ok(), Some(http.most));
        assert_eq!(sources.get(&limits::HEADER_TIMEOUT, None).ok(), Some(http.header_timeout));
        assert_eq!(sources.get(&limits::BODY_TIMEOUT, None).ok(), Some(server::BODY_TIMEOUT));
        assert_eq!(sources.get(&SETTLEMENT_DELAY, None).ok(), Some(Span::from_seconds(10)));
        assert_eq!(sources.get(&FINALITY_PERIOD, None).ok(), Some(Span::from_seconds(7 * 24 * 3600)));
        assert_eq!(sources.get(&BLOCK_TIME, None).ok(), Some(Span::from_seconds(2)));
        assert_eq!(sources.get(&FEE_BASIS_POINTS, None).ok(), Some(0));
        assert_eq!(sources.get(&DEFAULT_RESOLUTION, None).ok(), Some(DefaultResolution::BuyerWon));
        assert_eq!(sources.get(&REQUEST_LOG, None).ok(), Some(server::DEFAULT_REQUEST_LOG));
        assert_eq!(sources.get(&LOG_LEVEL, None).ok().as_deref(), Some("info"));
    }
}
