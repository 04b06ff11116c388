//! Letters that nobody guesses, and nobody draws twice.

use std::fs::File;
use std::io::{self, Read as _};

/// As many bytes as these, in hexadecimal.
pub(crate) fn letters<const BYTES: usize>() -> io::Result<String> {
    let mut bytes = [0; BYTES];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.map(|byte| format!("{byte:02x}")).concat())
}
