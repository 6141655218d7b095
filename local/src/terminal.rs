//! Lines for the user.

use std::fmt::Display;
use std::io::Write as _;

/// Prints a line. A closed terminal must not keep us from stopping what we started, as `println!`'s panic would.
pub(crate) fn say(text: impl Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints a line to standard error.
pub fn warn(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
