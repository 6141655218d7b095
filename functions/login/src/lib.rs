//! `POST /api/v1/auth/login`: opens a session, with a password or with a ticket.

mod attempt;
mod commit;
mod password;
mod plan;
mod state;
mod ticket;

use shared::{
    domain::rate::Rule,
    http::{
        self, Access, ApiError, Code, ErrorFormat, Operation, Request, Response, Route, Sample, SampleToken,
        model::{LoggedIn, Tokens},
    },
    runtime::{Function, Settings, Trigger},
};

use attempt::Presented;
pub use state::LoginState;
use state::{NAME, Opened};

/// What it answers.
pub const OPERATION: Operation = Operation {
    route: Route {
        method: "POST",
        path: "/api/v1/auth/login",
        access: Access::Public {
            limits: &[
                Rule::Login,
                Rule::Guesses,
                Rule::GuessesEverywhere,
                Rule::GuessesDay,
                Rule::Device,
                Rule::DeviceDay,
            ],
        },
        is_counted: true,
        errors: ErrorFormat::Problem,
    },
    id: "login",
    summary: "Opens a session on a device",
    description: "With email and password; a form names them `username` and `password`, as OAuth 2 password forms do. \
                  Or with a ticket, which the app's own backend asks for. A login with the `device_id` of an active \
                  session of the same account ends that session. Above the limit of sessions, the one that was used \
                  least recently ends. An unknown address and a wrong password are answered alike. A ticket opens one \
                  session: when the answer is lost, repeat with the same ticket and the same `Idempotency-Key`, and \
                  the answer is the same session until its first refresh. Without a key that holds for some seconds \
                  only. Somebody else with the ticket is a `refresh_conflict` for as long; later the session ends, \
                  since the ticket must have been copied.",
    reads_body: true,
    writes: true,
    refusals: &[
        Code::InvalidCredentials,
        Code::AccountInactive,
        Code::InvalidTicket,
        Code::RefreshConflict,
    ],
    samples: &[
        Sample {
            event: "json",
            token: SampleToken::None,
        },
        Sample {
            event: "form",
            token: SampleToken::None,
        },
        Sample {
            event: "base64",
            token: SampleToken::None,
        },
        Sample {
            event: "device-headers",
            token: SampleToken::None,
        },
        Sample {
            event: "ticket",
            token: SampleToken::TicketInBody,
        },
    ],
};

/// How it is deployed and invoked.
pub const FUNCTION: Function = Function {
    name: NAME,
    trigger: Trigger::Api(&[OPERATION]),
    settings: &[
        Settings::ClientAddress,
        Settings::SigningKeys,
        Settings::Passwords,
    ],
    connections: 1,
};

/// Logs in with email and password, or with a ticket.
///
/// # Errors
///
/// The same 401 for an unknown address and a wrong password; `account_inactive` only after the right one. The same 401 for
/// every ticket that opens no session.
pub async fn handle(login: &LoginState, request: Request) -> Result<Response, ApiError> {
    let state = &login.signing.state;
    let (presented, attempt) = attempt::read(&request, state.clock.now(), &state.config)?;
    let quotas = http::quotas(&request);
    let opened = match presented {
        Presented::Password { email, password } => {
            password::log_in(login, &quotas, &attempt, &email, &password).await?
        }
        Presented::Ticket(ticket) => ticket::redeem(login, &quotas, &attempt, &ticket).await?,
    };
    let Opened {
        signer,
        credential,
        session,
        lane,
    } = opened;
    let now = state.clock.now();
    let issued = signer.issue(
        &(&session).into(),
        &session.refresh_jti,
        session.created_at.seconds(),
        now,
    )?;
    // A device keeps its lane, or each login would give it a new one to guess in.
    let lane = lane.unwrap_or_else(|| state.ids.token());
    Ok(http::json(&LoggedIn {
        tokens: Tokens::new(issued, session.id),
        device_token: signer.device_token(&credential.account.email, &lane, now)?,
        user: (&credential).into(),
    }))
}
