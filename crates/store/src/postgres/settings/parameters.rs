//! The parameters that an address may have, and what they may be.

/// What a parameter may be.
enum Allowed {
    /// Any text, which is looked at where it is used.
    Text,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A whole number.
    Number,
    /// Nothing, for this reason.
    Never(&'static str),
}

use Allowed::{Never, Number, OneOf, Text};

/// Every parameter that is known. Those that tokio-postgres knows mean what they mean there, and so in libpq.
const PARAMETERS: [(&str, Allowed); 23] = [
    ("user", Text),
    ("password", Text),
    ("dbname", Text),
    ("host", Text),
    ("hostaddr", Text),
    ("port", Text),
    ("application_name", Text),
    ("connect_timeout", Number),
    ("tcp_user_timeout", Number),
    ("keepalives", OneOf(&["0", "1"])),
    ("keepalives_idle", Number),
    ("keepalives_interval", Number),
    ("keepalives_retries", Number),
    ("target_session_attrs", OneOf(&["any", "read-write"])),
    ("load_balance_hosts", OneOf(&["disable", "random"])),
    ("channel_binding", OneOf(&["disable", "prefer", "require"])),
    ("sslmode", OneOf(&["disable", "require", "verify-full"])),
    ("sslrootcert", Text),
    ("sslnegotiation", OneOf(&["postgres", "direct"])),
    ("sslcert", Never("certificates of clients are not supported; use a password")),
    ("sslkey", Never("certificates of clients are not supported; use a password")),
    ("options", Never("it does not get through poolers; set it for the user, with ALTER ROLE … SET …")),
    ("service", Never("service files are not read; write the address itself")),
];

/// Whether a parameter may be given more than once, as those may that make a list.
fn is_list(name: &str) -> bool {
    matches!(name, "host" | "hostaddr" | "port")
}

/// The parameters of an address that are not for tokio-postgres, and the text of all that are.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    /// `name=value`, with `&` between them, as they were written.
    pub(super) others: String,
    /// How the connection is encrypted.
    pub(super) sslmode: Option<String>,
    /// The file with the certificates that are trusted.
    pub(super) sslrootcert: Option<String>,
    /// Whether it is said which of several servers will do.
    pub(super) has_target: bool,
}

impl Parameters {
    /// Reads what follows the question mark.
    ///
    /// # Errors
    /// Which parameter is wrong, and what is allowed. What a password might be is not repeated.
    pub(super) fn parse(query: &str) -> Result<Parameters, String> {
        let mut read = Parameters::default();
        let mut seen = Vec::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, written) = part.split_once('=').ok_or("a parameter has no value: write name=value")?;
            let value = percent_encoding::percent_decode_str(written).decode_utf8();
            let value = value.map_err(|_| format!("{name}: it is not UTF-8"))?;
            check(name, &value)?;
            if seen.contains(&name) && !is_list(name) {
                return Err(format!("{name}: it is given twice"));
            }
            seen.push(name);
            match name {
                "sslmode" => read.sslmode = Some(value.into_owned()),
                "sslrootcert" => read.sslrootcert = Some(value.into_owned()),
                // tokio-postgres takes one host at a time here, and libpq a list.
                "host" => written.split(',').for_each(|host| read.pass_on(name, host)),
                _ => read.pass_on(name, written),
            }
        }
        read.has_target = seen.contains(&"target_session_attrs");
        Ok(read)
    }

    fn pass_on(&mut self, name: &str, written: &str) {
        let between = if self.others.is_empty() { "" } else { "&" };
        self.others.extend([between, name, "=", written]);
    }
}

fn check(name: &str, value: &str) -> Result<(), String> {
    let known = PARAMETERS.iter().find(|(known, _)| *known == name).map(|(_, allowed)| allowed);
    match known {
        None => Err(unknown(name)),
        Some(Text) if value.is_empty() => Err(format!("{name}: it is empty")),
        Some(Text) => Ok(()),
        Some(OneOf(values)) if values.contains(&value) => Ok(()),
        Some(OneOf(values)) => Err(format!("{name}: expected {}", values.join(" or "))),
        // As much as fits whatever counts it.
        Some(Number) if value.parse::<u16>().is_ok() => Ok(()),
        Some(Number) => Err(format!("{name}: expected a whole number up to {}", u16::MAX)),
        Some(Never(why)) => Err(format!("{name}: {why}")),
    }
}

/// The complaint about a parameter that is not known, whose name is repeated only where it looks like one.
fn unknown(name: &str) -> String {
    let is_word = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let shown = if is_word { format!(" {name}") } else { String::new() };
    let known = PARAMETERS.iter().filter(|(_, allowed)| !matches!(allowed, Never(_))).map(|(name, _)| *name);
    format!("unknown parameter{shown}; there are {}", known.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tokio_postgres_does_not_know_is_kept_from_it() {
        let query = "application_name=a%26b&sslmode=verify-full&connect_timeout=3&sslrootcert=/a%20b.pem";
        let read = Parameters::parse(query).expect("parameters");
        assert_eq!(read.others, "application_name=a%26b&connect_timeout=3");
        assert_eq!(read.sslmode.as_deref(), Some("verify-full"));
        assert_eq!(read.sslrootcert.as_deref(), Some("/a b.pem"));
    }

    #[test]
    fn what_is_not_understood_is_named_together_with_what_is() {
        for (query, complaint) in [
            ("sslmode=prefer", "sslmode: expected disable or require or verify-full"),
            ("sslmode=verify-ca", "sslmode: expected disable or require or verify-full"),
            ("target_session_attrs=read-only", "target_session_attrs: expected any or read-write"),
            ("connect_timeout=soon", "connect_timeout: expected a whole number up to 65535"),
            ("connect_timeout=-1", "connect_timeout: expected a whole number up to 65535"),
            ("options=-csearch_path%3Dx", "options: it does not get through poolers"),
            ("sslcert=a.pem", "sslcert: certificates of clients are not supported"),
            ("service=x", "service: service files are not read"),
            ("sslrootcert=", "sslrootcert: it is empty"),
            ("user=%ff", "user: it is not UTF-8"),
            ("pgbouncer=true", "unknown parameter pgbouncer; there are user, password, dbname, host"),
            ("Pa$$word=1", "unknown parameter; there are user"),
            ("sslmode", "a parameter has no value"),
            ("sslmode=require&sslmode=disable", "sslmode: it is given twice"),
        ] {
            let told = Parameters::parse(query).expect_err(query);
            assert!(told.starts_with(complaint), "{query}: {told}");
        }
        let lists = Parameters::parse("host=a,b&host=c&port=1,2,3").expect("lists");
        assert_eq!(lists.others, "host=a&host=b&host=c&port=1,2,3");
    }
}
