//! Progress, on standard error.

use std::io::Write as _;

/// Shows the current step, overwriting the previous line.
pub fn show(text: &str) {
    let _ = write!(std::io::stderr(), "\r\x1b[K{text}");
}
