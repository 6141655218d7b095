//! What a user, a thief, support staff and time can do.

use shared::domain::clock::Millis;

/// Names a session by the operation that opened it, and an answer by the operation that got it.
pub type Label = usize;

/// The account's passwords: the first one is the usual one.
pub type Password = u8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A login, perhaps from a device that names itself.
    Login {
        device: Option<u8>,
        password: Password,
    },
    /// A refresh with the token that `of` was answered.
    Refresh {
        of: Label,
        key: Option<u8>,
    },
    Logout(Proof),
    Revoke {
        by: Label,
        target: Target,
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
    /// A command of support staff.
    Command(Command),
    /// The signing keys are replaced, on schedule.
    RotateKeys,
    /// The clock moves.
    Wait {
        until: Millis,
    },
}

/// What support staff can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Disable,
    Enable,
    SetPassword(Password),
    Delete,
    RevokeSession(Label),
    RevokeAll,
}

/// What a logout is asked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    Access(Label),
    Refresh(Label),
    Both {
        access: Label,
        refresh: Label,
    },
    /// One's own refresh token beside somebody else's access token.
    Mixed {
        refresh: Label,
    },
}

/// What is to be revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Session(Label),
    /// Another account's session.
    Foreign,
    /// A session that nobody has.
    Nobody,
}

/// What the caller must be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Tokens {
        session: Label,
        generation: usize,
        expires_in: i64,
        refresh_token_expires_in: i64,
    },
    /// The active sessions, last used first.
    Listed(Vec<Label>),
    /// So many sessions were logged out.
    LoggedOut(usize),
    /// So many records were removed.
    Cleaned(usize),
    Done,
    Refused(u16, &'static str),
    /// Refused as a token that has expired, or as none of ours: its key is no longer published, but the function may have
    /// a copy of the set in which it was.
    Forgotten,
    /// A command was carried out, and ended so many sessions, if it is one that does.
    Commanded(Option<usize>),
    /// A command was not.
    Declined(&'static str),
}
