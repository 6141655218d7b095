//! Accounts and the credentials that open them.

use crate::domain::{clock::Millis, email::Email, ids::UserId, password::PasswordHash};

/// An account as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub user_id: UserId,
    /// The address, in its normal form.
    pub email: Email,
    /// The address as it was typed.
    pub email_as_typed: String,
    /// When it was created.
    pub created_at: Millis,
}

/// What opens an account: found by address, and the one record that says whether a login may succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The account.
    pub account: Account,
    /// The password's hash; none when the account has no password.
    pub password_hash: Option<PasswordHash>,
    /// Whether the account may log in.
    pub is_active: bool,
    /// When its deletion began. From then on nobody can log in, and nothing but deleting it can be done with it.
    pub deletion_began_at: Option<Millis>,
    /// How many logins were committed: each login's transaction counts it up, so that two logins that saw the
    /// same sessions cannot both commit.
    pub login_sequence: u64,
}
