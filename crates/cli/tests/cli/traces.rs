//! What a gateway leaves behind: every byte of it can be searched.

use std::path::Path;

/// Where bytes come from, and the bytes.
pub(crate) struct Found {
    pub(crate) at: String,
    pub(crate) bytes: Vec<u8>,
}

impl Found {
    /// A text.
    pub(crate) fn text(at: impl Into<String>, text: &str) -> Found {
        Found { at: at.into(), bytes: text.as_bytes().to_vec() }
    }

    /// Letters and digits alone, in lower case, so that no separator, quote or escape hides anything.
    pub(crate) fn squeezed(&self) -> String {
        let plain = self.bytes.iter().filter(|byte| byte.is_ascii_alphanumeric());
        plain.map(|byte| char::from(byte.to_ascii_lowercase())).collect()
    }

    /// Checks that none of these, which are squeezed, is in it.
    #[track_caller]
    pub(crate) fn has_none_of(&self, needles: &[String]) {
        let squeezed = self.squeezed();
        for needle in needles {
            assert!(!squeezed.contains(needle), "{needle:?} is in {}", self.at);
        }
    }
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<Found> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(Found { at: path.display().to_string(), bytes: std::fs::read(&path).expect("readable") });
        }
    }
    found
}
