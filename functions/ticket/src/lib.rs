//! `ticket`: invoked by the app's own backend, once it knows who a user is. A ticket is a one-time password: whoever brings
//! it to login gets a session.
//!
//! Like `admin` it answers `{"ok": true, …}` or `{"ok": false, "error": {"code", "message"}}`. It can be repeated: each time
//! it makes another ticket.

use backon::{ConstantBuilder, Retryable};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    State,
    domain::{
        auth_method::AuthMethod,
        device,
        email::Email,
        ids::UserId,
        ticket::{MAX_AMR, MAX_TICKET_SECONDS, TICKET_SECONDS, Ticket, TicketText},
    },
    runtime::{
        Function, Trigger,
        command::{AccountRef, CommandError, answer},
    },
    store::{AddTicketOutcome, StoreError},
};

/// How it is deployed and invoked.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    trigger: Trigger::Invoked {
        by: "the app's own backend, since it takes its word for who a user is",
        samples: &["by_email", "by_user_id"],
    },
    settings: &[],
    connections: 1,
};

/// How often a ticket is made anew if it could not be stored.
const MAX_RETRIES: usize = 2;

/// A command.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Command {
    email: Option<String>,
    user_id: Option<String>,
    amr: Option<Vec<String>>,
    device_id: Option<String>,
    expires_in: Option<i64>,
}

/// A ticket to be made.
struct Order {
    email: Email,
    user_id: Option<UserId>,
    amr: Vec<AuthMethod>,
    device_id: Option<String>,
    expires_in: i64,
}

/// Makes a ticket: `{"email"}` or `{"user_id"}`, and optionally `amr` (values of RFC 8176), `device_id` and `expires_in`
/// (seconds).
pub async fn handle(state: &State, command: Value) -> Value {
    answer(run(state, command).await)
}

async fn run(state: &State, command: Value) -> Result<Value, CommandError> {
    let order = read(state, command).await?;
    let make = || make(state, &order);
    let is_passing = |error: &StoreError| matches!(error, StoreError::Unavailable { .. });
    let pauses = ConstantBuilder::new().with_max_times(MAX_RETRIES);
    let (outcome, ticket) = make.retry(pauses).when(is_passing).await?;
    match outcome {
        AddTicketOutcome::Added => Ok(json!({ "ticket": ticket.as_str(), "expires_in": order.expires_in })),
        AddTicketOutcome::Inactive => Err(CommandError::new(
            "account_inactive",
            "the account is disabled or being deleted, so that nobody can log in to it",
        )),
        AddTicketOutcome::Gone => Err(CommandError::not_found()),
    }
}

/// Another ticket each time: whether the one before was stored, nobody knows.
async fn make(state: &State, order: &Order) -> Result<(AddTicketOutcome, TicketText), StoreError> {
    let text = TicketText::generate(&order.email, &state.ids);
    let ticket = Ticket {
        hash: text.hash(),
        expires_at: state.clock.now().seconds().plus(order.expires_in),
        amr: order.amr.clone(),
        device_id: order.device_id.clone(),
        user_id: order.user_id,
    };
    Ok((state.store.add_ticket(&order.email, &ticket).await?, text))
}

async fn read(state: &State, command: Value) -> Result<Order, CommandError> {
    let invalid = |message: String| CommandError::new("invalid_command", message);
    if !command.is_object() {
        return Err(invalid(
            "a command is a JSON object with an email or a user_id".to_owned(),
        ));
    }
    let command: Command = serde_json::from_value(command).map_err(|error| invalid(error.to_string()))?;
    let whom = AccountRef::parse(command.email.as_deref(), command.user_id.as_deref())?;
    let amr = methods(&command.amr.unwrap_or_default())?;
    let device_id = command.device_id.as_deref().map(str::trim);
    let device_id = device_id.map(device::check_id).transpose();
    let device_id = device_id.map_err(|problem| CommandError::field("device_id", problem))?;
    let expires_in = command.expires_in.unwrap_or(TICKET_SECONDS);
    if !(1..=MAX_TICKET_SECONDS).contains(&expires_in) {
        let problem = format!("must be a whole number of seconds from 1 to {MAX_TICKET_SECONDS}");
        return Err(CommandError::field("expires_in", problem));
    }
    let (email, user_id) = match whom {
        AccountRef::Address(email) => (email, None),
        AccountRef::Id(user) => {
            let address = state.store.address(user).await?;
            (address.ok_or_else(CommandError::not_found)?, Some(user))
        }
    };
    Ok(Order {
        email,
        user_id,
        amr,
        device_id: device_id.filter(|id| !id.is_empty()),
        expires_in,
    })
}

fn methods(names: &[String]) -> Result<Vec<AuthMethod>, CommandError> {
    if names.len() > MAX_AMR {
        return Err(CommandError::field(
            "amr",
            format!("must have at most {MAX_AMR} values"),
        ));
    }
    let methods = names.iter().map(|name| AuthMethod::parse(name));
    methods.collect::<Option<_>>().ok_or_else(|| {
        let known = AuthMethod::ALL.map(AuthMethod::name).join(", ");
        CommandError::field("amr", format!("must be values of RFC 8176 §2: {known}"))
    })
}
