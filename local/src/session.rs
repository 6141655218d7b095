//! The first session with curl, which `make dev` prints and the README shows.

use crate::seed::{DEMO_EMAIL, DEMO_PASSWORD};
use crate::settings::Settings;

/// The commands, for the default port.
///
/// They run in any POSIX shell and in an interactive zsh, which rejects comments, so there are none.
pub const FIRST_SESSION: &str = include_str!("first_session.sh");

/// The commands with these settings.
#[must_use]
pub fn first_session(settings: &Settings) -> String {
    FIRST_SESSION.replace("http://127.0.0.1:9000", &settings.api_url())
}

/// How to open a session without a password.
pub(crate) fn tickets(settings: &Settings) -> String {
    format!(
        "For users without a password, your backend asks for a ticket, and the app logs in with it (docs/tickets.md):\n\n\
         curl -s {api}/2015-03-31/functions/ticket/invocations -d '{{\"email\": \"{DEMO_EMAIL}\"}}'",
        api = settings.api_url()
    )
}

/// The text above the commands.
pub(crate) fn introduction(settings: &Settings) -> String {
    format!(
        "The API is at {api} (Ctrl-C ends it). The account {DEMO_EMAIL} has the password \"{DEMO_PASSWORD}\".\n\
         Log in from three devices, list them, refresh, revoke one from another, log out:",
        api = settings.api_url()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_use_the_demo_account() {
        let body = format!(r#"{{"email": "{DEMO_EMAIL}", "password": "{DEMO_PASSWORD}"}}"#);
        assert!(FIRST_SESSION.contains(&body));
        assert!(FIRST_SESSION.starts_with("API=http://127.0.0.1:9000\n"));
        assert!(!FIRST_SESSION.lines().any(|line| line.starts_with('#')));
    }
}
