//! The commands, and what is said of those that are not valid.

use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};
use shared::{
    domain::ids::SessionId,
    runtime::command::{AccountRef, CommandError},
};

/// The actor in the audit trail, if a command names none.
const DEFAULT_ACTOR: &str = "admin";
const MAX_ACTOR: usize = 128;

/// A command: what to do, and for whom.
pub(crate) struct Command {
    pub actor: String,
    pub action: Action,
}

/// What `admin` can do. The names of the actions and of their fields are those of the commands.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    CreateUser(NewUser),
    ImportUsers(Import),
    SetPassword(SetPassword),
    ChangeEmail(ChangeEmail),
    DisableUser(Target),
    EnableUser(Target),
    DeleteUser(Target),
    GetUser(Target),
    ListSessions(Target),
    RevokeSession(RevokeSession),
    RevokeAllSessions(Target),
    Activity(Activity),
}

/// An account, by address or by id.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    email: Option<String>,
    user_id: Option<String>,
}

/// An account to create, with a password, the hash of one, or neither: then only tickets open its sessions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    pub email: String,
    pub password: Option<Secret>,
    pub password_hash: Option<Secret>,
    /// Its id in an older system.
    pub user_id: Option<String>,
    pub is_active: Option<bool>,
    /// When it was created there (RFC 3339).
    pub created_at: Option<String>,
}

/// Accounts to create, not parsed yet, so that one bad account does not stop the others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Import {
    pub users: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetPassword {
    email: Option<String>,
    user_id: Option<String>,
    pub password: Secret,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeEmail {
    email: Option<String>,
    user_id: Option<String>,
    pub new_email: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevokeSession {
    email: Option<String>,
    user_id: Option<String>,
    session_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Activity {
    email: Option<String>,
    user_id: Option<String>,
    pub limit: Option<i64>,
    pub cursor: Option<String>,
}

/// Text that never appears in errors.
pub(crate) struct Secret(pub String);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text)),
            _ => Err(de::Error::custom("a password, or its hash, is a text")),
        }
    }
}

impl Command {
    /// Parses one.
    ///
    /// For an unknown action or field, the error lists the known ones, which serde takes from the types above.
    pub fn parse(command: Value) -> Result<Self, CommandError> {
        let Value::Object(mut input) = command else {
            return Err(invalid("a command is a JSON object with an action".to_owned()));
        };
        let actor = actor(input.remove("actor"))?;
        let name = match input.remove("action") {
            Some(Value::String(name)) => name,
            Some(_) => return Err(invalid("the action is a text".to_owned())),
            None => {
                return Err(invalid(format!(
                    "the action is missing: {}",
                    action_error("", Map::new())
                )));
            }
        };
        match read(&name, input) {
            Ok(action) => Ok(Self { actor, action }),
            Err(message) => Err(invalid(message)),
        }
    }
}

fn read(name: &str, input: Map<String, Value>) -> Result<Action, String> {
    let command = Map::from_iter([(name.to_owned(), input.into())]);
    serde_json::from_value(command.into()).map_err(|error| {
        let message = error.to_string();
        match message.strip_prefix("unknown variant") {
            Some(rest) => format!("unknown action{rest}"),
            None => format!("{name}: {message}; every action also takes `actor`"),
        }
    })
}

fn action_error(name: &str, input: Map<String, Value>) -> String {
    read(name, input).err().unwrap_or_default()
}

fn invalid(message: String) -> CommandError {
    CommandError::new("invalid_command", message)
}

fn actor(given: Option<Value>) -> Result<String, CommandError> {
    match given {
        None => Ok(DEFAULT_ACTOR.to_owned()),
        Some(Value::String(actor))
            if !actor.trim().is_empty()
                && actor.chars().count() <= MAX_ACTOR
                && !actor.contains(char::is_control) =>
        {
            Ok(actor.trim().to_owned())
        }
        Some(_) => Err(CommandError::field(
            "actor",
            "must be a text of 1 to 128 characters without control characters",
        )),
    }
}

impl Target {
    pub fn whom(&self) -> Result<AccountRef, CommandError> {
        AccountRef::parse(self.email.as_deref(), self.user_id.as_deref())
    }
}

impl SetPassword {
    pub fn whom(&self) -> Result<AccountRef, CommandError> {
        AccountRef::parse(self.email.as_deref(), self.user_id.as_deref())
    }
}

impl ChangeEmail {
    pub fn whom(&self) -> Result<AccountRef, CommandError> {
        AccountRef::parse(self.email.as_deref(), self.user_id.as_deref())
    }
}

impl RevokeSession {
    pub fn whom(&self) -> Result<AccountRef, CommandError> {
        AccountRef::parse(self.email.as_deref(), self.user_id.as_deref())
    }

    pub fn session(&self) -> Result<SessionId, CommandError> {
        let session = self.session_id.parse();
        session.map_err(|error| CommandError::field("session_id", format!("is {error}")))
    }
}

impl Activity {
    pub fn whom(&self) -> Result<AccountRef, CommandError> {
        AccountRef::parse(self.email.as_deref(), self.user_id.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Every action with the fields that it takes.
    const ACTIONS: [(&str, &[&str]); 12] = [
        (
            "create_user",
            &[
                "email",
                "password",
                "password_hash",
                "user_id",
                "is_active",
                "created_at",
            ],
        ),
        ("import_users", &["users"]),
        ("set_password", &["email", "user_id", "password"]),
        ("change_email", &["email", "user_id", "new_email"]),
        ("disable_user", &["email", "user_id"]),
        ("enable_user", &["email", "user_id"]),
        ("delete_user", &["email", "user_id"]),
        ("get_user", &["email", "user_id"]),
        ("list_sessions", &["email", "user_id"]),
        ("revoke_session", &["email", "user_id", "session_id"]),
        ("revoke_all_sessions", &["email", "user_id"]),
        ("activity", &["email", "user_id", "limit", "cursor"]),
    ];

    fn refusal(command: Value) -> String {
        let Err(refusal) = Command::parse(command) else {
            panic!("it was taken");
        };
        refusal.message
    }

    #[test]
    fn an_unknown_action_lists_all_of_them() {
        let names: Vec<_> = ACTIONS.iter().map(|(name, _)| format!("`{name}`")).collect();
        let expected = format!("expected one of {}", names.join(", "));
        assert_eq!(
            refusal(json!({"action": "drop_table", "email": "x"})),
            format!("unknown action `drop_table`, {expected}")
        );
        let missing = refusal(json!({"email": "x"}));
        assert!(
            missing.contains("missing") && missing.contains(&expected),
            "{missing}"
        );
    }

    #[test]
    fn an_unknown_field_lists_those_of_its_action() {
        for (name, input) in ACTIONS {
            let message = refusal(json!({"action": name, "mail": "x"}));
            let input: Vec<_> = input.iter().map(|field| format!("`{field}`")).collect();
            let expected = match &input[..] {
                [one] => format!("expected {one}"),
                [one, other] => format!("expected {one} or {other}"),
                more => format!("expected one of {}", more.join(", ")),
            };
            assert_eq!(
                message,
                format!("{name}: unknown field `mail`, {expected}; every action also takes `actor`")
            );
        }
    }

    #[test]
    fn what_is_missing_or_of_the_wrong_type_is_named() {
        let message = refusal(json!({"action": "create_user", "password": "12345678"}));
        assert!(message.contains("missing field `email`"), "{message}");
        let message = refusal(json!({"action": "set_password", "email": "x"}));
        assert!(message.contains("missing field `password`"), "{message}");
        for command in [json!("create_user"), json!([]), json!({"action": 5})] {
            assert!(refusal(command).contains("action"));
        }
    }

    #[test]
    fn no_message_repeats_a_password() {
        for field in ["password", "password_hash"] {
            let message = refusal(json!({"action": "create_user", "email": "x", field: 31_415_926}));
            assert!(
                message.contains("is a text") && !message.contains("31415926"),
                "{message}"
            );
        }
    }

    #[test]
    fn an_actor_is_a_short_text_and_admin_by_default() {
        let parse = |actor: Value| {
            let command = json!({"action": "get_user", "email": "x", "actor": actor});
            Command::parse(command).map(|command| command.actor)
        };
        let command = Command::parse(json!({"action": "get_user", "email": "x"}));
        assert_eq!(
            command.map(|command| command.actor).ok().as_deref(),
            Some("admin")
        );
        assert_eq!(
            parse(json!(" Zoë, support ")).ok().as_deref(),
            Some("Zoë, support")
        );
        for wrong in [
            json!(""),
            json!("  "),
            json!("a\nb"),
            json!(7),
            json!(null),
            json!("x".repeat(129)),
        ] {
            assert!(
                parse(wrong.clone()).is_err_and(|refusal| refusal.code == "validation_failed"),
                "{wrong}"
            );
        }
    }
}
