//! What a user, a thief, support staff and time can do.

use shared::domain::clock::Millis;

/// Identifies a session by the operation that created it, and an answer by its operation.
pub type Label = usize;

/// The account's passwords. The first is the usual one.
pub type Password = u8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A login, perhaps with a device id.
    Login {
        device: Option<u8>,
        password: Password,
    },
    /// A login with the ticket that `ticket` returned, perhaps with a device id.
    Redeem {
        ticket: Label,
        device: Option<u8>,
        key: Option<u8>,
    },
    /// A refresh with the token that `of` returned.
    Refresh {
        of: Label,
        key: Option<u8>,
    },
    /// The same at OAuth's endpoint.
    Token {
        of: Label,
        key: Option<u8>,
    },
    Logout(Proof),
    /// A logout at OAuth's endpoint, with the refresh token that `of` returned.
    RevokeToken {
        of: Label,
    },
    Revoke {
        by: Label,
        target: Target,
    },
    /// A device gets a name, by number, or loses it.
    Rename {
        by: Label,
        target: Target,
        name: Option<u8>,
    },
    LogoutAll {
        by: Label,
        except_current: bool,
    },
    Cleanup {
        by: Label,
    },
    List {
        by: Label,
    },
    /// The backend asks for a ticket.
    Ticket,
    /// A command of support staff.
    Command(Command),
    /// A scheduled rotation of the signing keys.
    RotateKeys,
    /// The clock moves.
    Wait {
        until: Millis,
    },
}

/// Commands of support staff.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Disable,
    Enable,
    SetPassword(Password),
    Delete,
    RevokeSession(Label),
    RevokeAll,
}

/// The tokens of a logout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    Access(Label),
    Refresh(Label),
    Both {
        access: Label,
        refresh: Label,
    },
    /// One's own refresh token with somebody else's access token.
    Mixed {
        refresh: Label,
    },
}

/// The session to revoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Session(Label),
    /// Another account's session.
    Foreign,
    /// A nonexistent session.
    Nobody,
}

/// The expected answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Tokens {
        session: Label,
        generation: usize,
        expires_in: i64,
        refresh_token_expires_in: i64,
    },
    /// The active sessions, last used first, each with the name that its owner gave it.
    Listed(Vec<(Label, Option<u8>)>),
    /// The session was renamed.
    Renamed(Label, Option<u8>),
    /// Number of sessions logged out.
    LoggedOut(usize),
    /// Number of removed records.
    Cleaned(usize),
    Done,
    /// A ticket was made.
    Ticket,
    Refused(u16, &'static str),
    /// Refused as expired, since the record is gone, or as revoked: an instance of `refresh` that has seen it so says it for a
    /// minute more.
    Gone,
    /// Refused as expired or as an unknown key's: the token's key is no longer published, but the function may have a
    /// cached set that contains it.
    Forgotten,
    /// A command succeeded. Holds how many sessions it ended, if it can end any.
    Commanded(Option<usize>),
    /// A command failed.
    Declined(&'static str),
}
