//! Tickets: one-time passwords with which the app's own backend opens sessions.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::domain::{
    auth_method::AuthMethod,
    clock::Seconds,
    digest::sha256,
    email::Email,
    ids::{Ids, UserId},
};

/// How many tickets of an account are good at a time; one more makes the oldest useless.
pub const MAX_TICKETS: usize = 4;
/// How long a ticket lives unless its command says otherwise, in seconds.
pub const TICKET_SECONDS: i64 = 60;
/// How long a ticket may live, in seconds.
pub const MAX_TICKET_SECONDS: i64 = 300;
/// The most authentication methods that a ticket names.
pub const MAX_AMR: usize = 8;

/// The longest text that is read as a ticket: that of the longest address.
const MAX_CHARS: usize = 1024;

/// SHA-256 of a ticket. Of a ticket itself, nothing more is stored.
pub type TicketHash = [u8; 32];

/// A ticket as the account's credential keeps it until it is redeemed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Its hash.
    pub hash: TicketHash,
    /// Its end: it is good before this second.
    pub expires_at: Seconds,
    /// How its owner proved who they are; empty if the backend did not say.
    pub amr: Vec<AuthMethod>,
    /// The one device that it is for, if the backend said so.
    pub device_id: Option<String>,
    /// The account that it was asked for by id. The address may be another account's by now.
    pub user_id: Option<UserId>,
}

/// A ticket just made, or one that a client presents. It has no `Debug`, so no log can show it.
#[derive(Clone)]
pub struct TicketText(String);

/// Not the form of a ticket.
#[derive(Debug, thiserror::Error)]
#[error("no ticket")]
pub struct NotATicket;

impl TicketText {
    /// Makes a ticket for an address: base64url of the address, a dot, and 256 random bits. The app takes it as it is.
    #[must_use]
    pub fn generate(email: &Email, ids: &Ids) -> Self {
        let address = URL_SAFE_NO_PAD.encode(email.as_str());
        let secret = URL_SAFE_NO_PAD.encode(ids.bytes::<32>());
        Self(format!("{address}.{secret}"))
    }

    /// A ticket that a client presents. Whether there is such a ticket, only the table knows.
    #[must_use]
    pub const fn presented(text: String) -> Self {
        Self(text)
    }

    /// For the backend that asked for it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its hash.
    #[must_use]
    pub fn hash(&self) -> TicketHash {
        sha256(self.0.as_bytes())
    }

    /// The address whose credential has it, if anyone's.
    ///
    /// # Errors
    ///
    /// If no ticket of ours reads like this.
    pub fn email(&self) -> Result<Email, NotATicket> {
        if self.0.len() > MAX_CHARS {
            return Err(NotATicket);
        }
        let (address, _) = self.0.split_once('.').ok_or(NotATicket)?;
        let address = URL_SAFE_NO_PAD.decode(address).map_err(|_| NotATicket)?;
        let address = String::from_utf8(address).map_err(|_| NotATicket)?;
        Email::parse(&address).map_err(|_| NotATicket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_leads_to_its_address() {
        let ids = Ids::system();
        let email = Email::parse("J\u{f6}rg+phone@b\u{fc}cher.example").unwrap();
        let ticket = TicketText::generate(&email, &ids);
        assert_eq!(ticket.email().unwrap(), email);
        let (_, secret) = ticket.as_str().split_once('.').unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(secret).unwrap().len(), 32);
        assert_ne!(ticket.hash(), TicketText::generate(&email, &ids).hash());
    }

    #[test]
    fn the_longest_address_has_a_ticket() {
        let long = format!("{}@{}.example", "x".repeat(64), "y.".repeat(88) + "yyyyy");
        let email = Email::parse(&long).unwrap();
        assert!(email.as_str().len() > 250, "{}", email.as_str().len());
        assert_eq!(
            TicketText::generate(&email, &Ids::system()).email().unwrap(),
            email
        );
    }

    #[test]
    fn what_is_no_ticket_leads_nowhere() {
        let no_address = URL_SAFE_NO_PAD.encode("nobody");
        let no_text = URL_SAFE_NO_PAD.encode([0xff, 0xfe]);
        for text in [
            "",
            ".",
            "YW5uYUBleGFtcGxlLmNvbQ",
            "anna@example.com.x",
            &format!("{no_address}.x"),
            &format!("{no_text}.x"),
            &"YW5u".repeat(1000),
        ] {
            assert!(TicketText::presented(text.to_owned()).email().is_err(), "{text}");
        }
    }
}
