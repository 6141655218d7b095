//! Accounts and the credentials for them.

use crate::domain::{clock::Millis, email::Email, ids::UserId, password::PasswordHash, ticket::Ticket};

/// An account as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub user_id: UserId,
    /// The address, normalised.
    pub email: Email,
    /// The address as it was typed.
    pub email_as_typed: String,
    /// When it was created.
    pub created_at: Millis,
}

/// An account's credential, found by address: the one record that decides whether a login succeeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The account.
    pub account: Account,
    /// The password's hash; `None` if the account has no password.
    pub password_hash: Option<PasswordHash>,
    /// Whether the account may log in.
    pub is_active: bool,
    /// When its deletion began. From then on nobody can log in, and the only operation allowed is to delete it.
    pub deletion_began_at: Option<Millis>,
    /// How many logins were committed: each login's transaction increments it, so two logins that read the same
    /// sessions cannot both commit.
    pub login_sequence: u64,
    /// The tickets that can be redeemed, oldest first.
    pub tickets: Vec<Ticket>,
}
