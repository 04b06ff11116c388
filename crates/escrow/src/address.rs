//! Addresses of accounts on EVM chains.

use serde::{Deserialize, Serialize};

/// An address: `0x` and 40 hexadecimal digits, kept as it was sent and compared by value. Its checksum (EIP-55) is not looked at:
/// clients send addresses in any case, and published samples have wrong ones.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

/// The text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an address: 0x and 40 hexadecimal digits")]
pub struct NotAnAddress;

impl Address {
    /// The address as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Address) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Address {}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Address, NotAnAddress> {
        let digits = text.strip_prefix("0x").ok_or(NotAnAddress)?;
        let is_address = digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_address { Ok(Address(text.to_owned())) } else { Err(NotAnAddress) }
    }
}

impl TryFrom<String> for Address {
    type Error = NotAnAddress;

    fn try_from(text: String) -> Result<Address, NotAnAddress> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_echoed_as_sent_and_compared_by_value() {
        let sent = "0x742d35Cc6634C0532925a3b844Bc9e7595f42318";
        let address: Address = sent.parse().expect("an address");
        assert_eq!(address.to_string(), sent);
        assert_eq!(Ok(address), sent.to_lowercase().parse());
        for text in [
            "",
            "0x",
            "742d35Cc6634C0532925a3b844Bc9e7595f4231800",
            &sent[..41],
            &format!("{sent}0"),
            &sent.replace('d', "g"),
        ] {
            assert_eq!(text.parse::<Address>(), Err(NotAnAddress), "{text}");
        }
    }

    #[test]
    fn addresses_are_stored_as_sent_and_checked_when_read() {
        let sent = "0x742d35Cc6634C0532925a3b844Bc9e7595f42318";
        let stored = format!("{sent:?}");
        let address: Address = serde_json::from_str(&stored).expect("an address");
        assert_eq!(address.as_str(), sent);
        assert_eq!(serde_json::to_string(&address).expect("a text"), stored);
        assert!(serde_json::from_str::<Address>(r#""0x742d""#).is_err());
    }
}
