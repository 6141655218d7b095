//! `POST /api/v1/auth/login`: opens a session.
//!
//! First it counts the attempt and reads the credential and the key set, so that nothing begins whose tokens nobody
//! could sign. Then it hashes the password while it reads the sessions and counts the guess in the day. Then one
//! transaction commits, and the attempt is refunded. If another login, a disabling or a new password got in between, it starts over from what it found. That
//! transaction also replaces a hash from an older system or of weaker parameters than configured.

mod plan;

use shared::{
    Error, SigningState, State,
    domain::{
        account::{Account, Credential},
        audit::{AuditContext, AuditEvent, EventType},
        clock::Millis,
        device::Device,
        email::Email,
        ids::{EventId, Ids, UserId},
        password::{Hasher, Password},
        rate::{Rule, Source},
        session::{AuthMethod, RevokeReason, Session},
    },
    http::{
        self, Access, ApiError, Code, ErrorFormat, Input, Operation, Request, Response, Route, Sample,
        SampleToken,
        model::{LoggedIn, Tokens},
    },
    runtime::config::Config,
    runtime::metrics,
    runtime::{Function, Settings, Trigger},
    store::{LoginCommit, LoginOutcome, RevokeRequest, StoreError},
};

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
                  A login with the `device_id` of an active session of the same account ends that session. Above the \
                  limit of sessions, the one that was used least recently ends. An unknown address and a wrong \
                  password are answered alike.",
    reads_body: true,
    writes: true,
    refusals: &[Code::InvalidCredentials, Code::AccountInactive],
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
    ],
};

/// How it is deployed and invoked.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    trigger: Trigger::Api(&[OPERATION]),
    settings: &[
        Settings::ClientAddress,
        Settings::SigningKeys,
        Settings::Passwords,
    ],
    connections: 1,
};

/// How often a login starts over because others got in between. Each time, one of those succeeded.
const MAX_ATTEMPTS: u32 = 64;

/// The function's dependencies.
#[derive(Clone)]
pub struct LoginState {
    /// The table, the keys and so on.
    pub signing: SigningState,
    /// Checks passwords.
    pub hasher: Hasher,
}

impl LoginState {
    /// Makes the state; the configuration says how to hash.
    ///
    /// # Errors
    ///
    /// If Argon2 rejects its settings.
    pub fn new(signing: SigningState) -> Result<Self, lambda_http::Error> {
        let hasher = Hasher::new(signing.state.config.argon2, signing.state.ids.clone())?;
        Ok(Self { signing, hasher })
    }
}

struct Attempt {
    email: Email,
    password: Password,
    device: Device,
    device_token: Option<String>,
    context: AuditContext,
}

impl Attempt {
    /// Where its guess counts as coming from.
    fn guesser(&self) -> Source {
        Source::of_guesses(self.context.origin.ip_address)
    }
}

/// Logs in with email and password.
///
/// # Errors
///
/// The same 401 for an unknown address and a wrong password; `account_inactive` only after the right one.
pub async fn handle(login: &LoginState, request: Request) -> Result<Response, ApiError> {
    let state = &login.signing.state;
    let attempt = read(&request, state.clock.now(), &state.config)?;
    let quotas = http::quotas(&request);
    let source = Source::of_requests(attempt.context.origin.ip_address);
    let guesser = attempt.guesser();
    let device_token = attempt.device_token.as_deref();
    let known = state.auth.known_device(device_token, &attempt.email).await;
    let claimed = known.as_ref().map(|token| &token.claims().jti);
    let counted = async {
        tokio::try_join!(
            state.limiter.login(&quotas, &source),
            state.limiter.guess(&quotas, &attempt.email, &guesser, claimed),
            state.store.credential(&attempt.email)
        )
    };
    let (signer, (limit, mut guess, credential)) = login.signing.issuer.signer_beside(counted).await?;
    let was_known = known.is_some();
    let lane = known.and_then(|token| state.auth.lane(token));
    if was_known && lane.is_none() {
        // Its key was just dropped, perhaps because it was stolen: the device is a stranger.
        guess = state
            .limiter
            .guess(&quotas, &attempt.email, &guesser, None)
            .await?;
    }
    if let Err(refusal) = limit.allowed() {
        state.limiter.refund(&quotas, guess).await;
        return Err(refusal.into());
    }
    guess.admission.allowed()?;

    // Unknown addresses do equal work, so timing does not reveal which exist.
    let user = credential
        .as_ref()
        .map_or_else(|| state.ids.user(), |found| found.account.user_id);
    let hash = credential.as_ref().and_then(|found| found.password_hash.as_ref());
    let (matches, sessions, of_day) = tokio::join!(
        login.hasher.verify(&attempt.password, hash),
        state.store.sessions(user),
        state.limiter.guess_of_day(&quotas, &mut guess)
    );
    let (matches, sessions, of_day) = (matches?, sessions?, of_day?);
    of_day.allowed()?;
    if !matches && guess.spends_the_day() {
        metrics::count(&[("Function", FUNCTION.name)], &[("AccountsOutOfGuesses", 1)]);
    }

    let Some(credential) = credential else {
        return Err(refuse_unknown(login, &attempt).await?.into());
    };
    if !matches {
        return Err(refuse(login, &credential, &attempt, Error::InvalidCredentials)
            .await?
            .into());
    }
    // The right password of an inactive account counts too, so that its refusal takes the same writes as any other.
    let active = credential.is_active;
    let refund = async {
        if active {
            state.limiter.refund(&quotas, guess).await;
        }
    };
    let (committed, ()) = tokio::join!(commit(login, credential, sessions, &attempt), refund);
    let (credential, session) = committed?;
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
        device_token: signer.device_token(&attempt.email, &lane, now)?,
        user: (&credential).into(),
    }))
}

fn read(request: &Request, now: Millis, config: &Config) -> Result<Attempt, ApiError> {
    let mut input = Input::from_body(request)?;
    let name = if input.is_form() { "username" } else { "email" };
    let email = input.required_text(name);
    let email = input.parse(name, email, Email::parse);
    let password = input.required_text("password");
    let password = input.parse("password", password, Password::presented);
    let device = http::device(request, &mut input);
    let device_token = input.optional_text("device_token");
    let context = http::audit_context(request, &config.trusted_proxy, now);
    input.finish(|| {
        Some(Attempt {
            email: email?,
            password: password?,
            device,
            device_token,
            context,
        })
    })
}

/// Commits the login. Starts over if the credential or the sessions changed meanwhile.
async fn commit(
    login: &LoginState,
    mut credential: Credential,
    mut sessions: Vec<Session>,
    attempt: &Attempt,
) -> Result<(Credential, Session), ApiError> {
    let state = &login.signing.state;
    let mut verified = credential.password_hash.clone();
    let mut renewed_hash = None;
    for _ in 0..MAX_ATTEMPTS {
        if credential.password_hash != verified {
            // A new password, or the same one rehashed by another login: only hashing tells.
            verified.clone_from(&credential.password_hash);
            renewed_hash = None;
            if !login.hasher.verify(&attempt.password, verified.as_ref()).await? {
                return Err(refuse(login, &credential, attempt, Error::InvalidCredentials)
                    .await?
                    .into());
            }
        }
        if !credential.is_active {
            return Err(refuse(login, &credential, attempt, Error::AccountInactive)
                .await?
                .into());
        }
        if renewed_hash.is_none()
            && verified
                .as_ref()
                .is_some_and(|hash| login.hasher.is_outdated(hash))
        {
            renewed_hash = Some(login.hasher.hash(&attempt.password).await?);
        }
        let session = new_session(&state.config, &state.ids, &credential.account, attempt);
        let mut plan = plan::plan(
            &sessions,
            &session,
            attempt.context.at,
            state.config.max_sessions_per_user,
        );
        end_surplus(login, &mut plan.revoke, &attempt.context).await?;
        let commit = LoginCommit {
            credential: &credential,
            renewed_hash: renewed_hash.as_ref(),
            session: &session,
            revoke: &plan.revoke,
            context: &attempt.context,
        };
        let (outcome, swept) = tokio::join!(
            state.store.commit_login(commit),
            state
                .store
                .delete_stale(session.user_id, &plan.stale, attempt.context.at)
        );
        if let Err(error) = swept {
            tracing::warn!(error = %Error::from(error).report(), "ended sessions could not be removed");
        }
        match outcome? {
            LoginOutcome::Committed => return Ok((credential, session)),
            LoginOutcome::CredentialChanged(Some(changed)) => credential = *changed,
            LoginOutcome::CredentialChanged(None) => {
                return Err(refuse_unknown(login, attempt).await?.into());
            }
            LoginOutcome::SessionsChanged => {}
        }
        // Queries may not show yet what got in between, and would miss it again.
        state.store.wait_for_queries().await;
        sessions = state.store.sessions(credential.account.user_id).await?;
    }
    Err(StoreError::Contended {
        operation: "logging in",
    }
    .into())
}

/// If one transaction cannot revoke all surplus sessions (the limit was lowered by a lot), revokes the rest first.
async fn end_surplus(
    login: &LoginState,
    revoke: &mut Vec<(Session, RevokeReason)>,
    context: &AuditContext,
) -> Result<(), ApiError> {
    if revoke.len() <= LoginCommit::MAX_REVOCATIONS {
        return Ok(());
    }
    for (session, reason) in revoke.split_off(LoginCommit::MAX_REVOCATIONS) {
        let request = RevokeRequest {
            sessions: &[session],
            reason,
            context,
            caller: None,
        };
        login.signing.state.store.revoke_sessions(request).await?;
    }
    Ok(())
}

fn new_session(config: &Config, ids: &Ids, account: &Account, attempt: &Attempt) -> Session {
    let now = attempt.context.at;
    let absolute_expires_at = now.seconds().plus(config.session_absolute_seconds);
    Session {
        user_id: account.user_id,
        id: ids.session(now),
        refresh_jti: ids.token(),
        rotation: None,
        rotation_count: 0,
        device_name: device_name(attempt),
        given_name: None,
        device_id: attempt.device.id.clone(),
        origin: attempt.context.origin.clone(),
        created_at: now,
        auth_time: now,
        amr: vec![AuthMethod::Pwd],
        last_used_at: now,
        expires_at: now
            .seconds()
            .plus(config.refresh_idle_seconds)
            .min(absolute_expires_at),
        absolute_expires_at,
        revocation: None,
    }
}

/// The name the app gave, or one made from the user agent.
fn device_name(attempt: &Attempt) -> String {
    let named = attempt.device.name.clone();
    let agent = attempt.context.origin.user_agent.as_deref();
    named.unwrap_or_else(|| user_agent::device_name(agent.unwrap_or_default()))
}

/// Records a refused login in the account's trail, unless this minute has one from there already. Returns the refusal.
async fn refuse(
    login: &LoginState,
    credential: &Credential,
    attempt: &Attempt,
    refusal: Error,
) -> Result<Error, StoreError> {
    let state = &login.signing.state;
    let user = credential.account.user_id;
    let event = login_failed(state, attempt, user, &user.to_string());
    state.store.record(&event).await?;
    Ok(refusal)
}

/// As [`refuse`], of an unknown address, with as many writes as for a known one.
async fn refuse_unknown(login: &LoginState, attempt: &Attempt) -> Result<Error, StoreError> {
    let state = &login.signing.state;
    let event = login_failed(state, attempt, state.ids.user(), &attempt.email.digest());
    state.store.record_unknown_login(&attempt.email, &event).await?;
    Ok(Error::InvalidCredentials)
}

/// The one event of a minute's refused logins from one source: more would let a stranger bury the trail.
fn login_failed(state: &State, attempt: &Attempt, user: UserId, account: &str) -> AuditEvent {
    let subject = format!("{account}#{}", attempt.guesser().as_str());
    AuditEvent {
        id: EventId::once_a_minute(attempt.context.at, &subject),
        ..attempt.context.event(&state.ids, user, EventType::LoginFailed)
    }
}
