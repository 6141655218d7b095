//! Lines for the user.

use std::fmt::Display;
use std::io::Write as _;

/// Prints a line. A terminal that is gone must not keep us from ending what we started, as a panic of `println!` would.
pub(crate) fn say(text: impl Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// The same, to standard error.
pub fn warn(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
