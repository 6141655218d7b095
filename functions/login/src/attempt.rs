//! What a request to log in says, and the session that it would open.

use shared::{
    State,
    domain::{
        account::Account,
        audit::AuditContext,
        auth_method::AuthMethod,
        clock::Millis,
        device::Device,
        email::Email,
        password::Password,
        rate::Source,
        session::{Redemption, Session},
        ticket::TicketText,
    },
    http::{self, ApiError, Input, Request},
    runtime::config::Config,
};

/// What is to open the session.
pub(crate) enum Presented {
    Password { email: Email, password: Password },
    Ticket(PresentedTicket),
}

pub(crate) struct PresentedTicket {
    pub text: TicketText,
    pub idempotency_hash: Option<[u8; 32]>,
}

/// The rest of the request.
pub(crate) struct Attempt {
    pub device: Device,
    pub device_token: Option<String>,
    pub context: AuditContext,
}

impl Attempt {
    /// Where its guess counts as coming from.
    pub fn guesser(&self) -> Source {
        Source::of_guesses(self.context.origin.ip_address)
    }

    /// The name the app gave, or one made from the user agent.
    fn device_name(&self) -> String {
        let agent = self.context.origin.user_agent.as_deref();
        let named = self.device.name.clone();
        named.unwrap_or_else(|| user_agent::device_name(agent.unwrap_or_default()))
    }
}

pub(crate) fn read(
    request: &Request,
    now: Millis,
    config: &Config,
) -> Result<(Presented, Attempt), ApiError> {
    let mut input = Input::from_body(request)?;
    let name = if input.is_form() { "username" } else { "email" };
    let has_ticket = input.has("ticket");
    let ticket = input.optional_text("ticket");
    let (email, password) = if has_ticket {
        if input.has(name) || input.has("password") {
            let problem = format!("excludes {name} and password: send one or the other");
            input.add_error("ticket", problem);
        }
        (None, None)
    } else {
        let email = input.required_text(name);
        let email = input.parse(name, email, Email::parse);
        let password = input.required_text("password");
        (email, input.parse("password", password, Password::presented))
    };
    let device = http::device(request, &mut input);
    let device_token = input.optional_text("device_token");
    let context = http::audit_context(request, &config.trusted_proxy, now);
    let idempotency_hash = match ticket {
        Some(_) => http::idempotency_hash(request)?,
        None => None,
    };
    input.finish(|| {
        let presented = match ticket {
            Some(text) => Presented::Ticket(PresentedTicket {
                text: TicketText::presented(text),
                idempotency_hash,
            }),
            None => Presented::Password {
                email: email?,
                password: password?,
            },
        };
        let attempt = Attempt {
            device,
            device_token,
            context,
        };
        Some((presented, attempt))
    })
}

/// How the owner of a new session proved who they are.
pub(crate) struct Proved {
    pub amr: Vec<AuthMethod>,
    /// The ticket that said so, if one did, and the device that it is for.
    pub redemption: Option<Redemption>,
    pub device_id: Option<String>,
}

pub(crate) fn new_session(state: &State, account: &Account, attempt: &Attempt, proved: Proved) -> Session {
    let (config, now) = (&state.config, attempt.context.at);
    let (idle, absolute) = (config.refresh_idle_seconds, config.session_absolute_seconds);
    Session {
        device_name: attempt.device_name(),
        device_id: proved.device_id,
        origin: attempt.context.origin.clone(),
        amr: proved.amr,
        redemption: proved.redemption,
        ..Session::begin(&state.ids, account.user_id, now, idle, absolute)
    }
}
