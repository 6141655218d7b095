//! Progress, on standard error.

use std::io::Write as _;

/// Shows what is being done, on the line of what was done before.
pub fn show(text: &str) {
    let _ = write!(std::io::stderr(), "\r\x1b[K{text}");
}
