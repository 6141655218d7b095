//! Logging in with email and password.
//!
//! First it counts the attempt and reads the credential and the key set, so that nothing begins whose tokens nobody
//! could sign. Then it hashes the password while it reads the sessions and counts the guess in the day. Then one
//! transaction commits, and the attempt is refunded. If another login, a disabling or a new password got in between, it
//! starts over from what it found. That transaction also replaces a hash from an older system or of other parameters than
//! configured.

use shared::{
    Error, State,
    domain::{
        account::Credential,
        audit::{AuditEvent, EventType},
        auth_method::AuthMethod,
        email::Email,
        ids::{EventId, UserId},
        password::Password,
        rate::{Quotas, Source},
        session::Session,
    },
    http::ApiError,
    runtime::metrics,
    store::{LoginOutcome, LoginProof, StoreError},
};

use crate::{
    attempt::{Attempt, Proved, new_session},
    commit::{CONTENDED, MAX_ATTEMPTS, commit},
    state::{LoginState, NAME, Opened},
};

pub(crate) async fn log_in(
    login: &LoginState,
    quotas: &Quotas,
    attempt: &Attempt,
    email: &Email,
    password: &Password,
) -> Result<Opened, ApiError> {
    let state = &login.signing.state;
    let source = Source::of_requests(attempt.context.origin.ip_address);
    let guesser = attempt.guesser();
    let device_token = attempt.device_token.as_deref();
    let known = state.auth.known_device(device_token, email).await;
    let claimed = known.as_ref().map(|token| &token.claims().jti);
    let counted = async {
        tokio::try_join!(
            state.limiter.login(quotas, &source),
            state.limiter.guess(quotas, email, &guesser, claimed),
            state.store.credential(email)
        )
    };
    let (signer, (limit, mut guess, credential)) = login.signing.issuer.signer_beside(counted).await?;
    let was_known = known.is_some();
    let lane = known.and_then(|token| state.auth.lane(token));
    if was_known && lane.is_none() {
        // Its key was just dropped, perhaps because it was stolen: the device is a stranger.
        guess = state.limiter.guess(quotas, email, &guesser, None).await?;
    }
    if let Err(refusal) = limit.allowed() {
        state.limiter.refund(quotas, guess).await;
        return Err(refusal.into());
    }
    guess.admission.allowed()?;

    // Unknown addresses do equal work, so timing does not reveal which exist.
    let user = credential
        .as_ref()
        .map_or_else(|| state.ids.user(), |found| found.account.user_id);
    let hash = credential.as_ref().and_then(|found| found.password_hash.as_ref());
    let (matches, sessions, of_day) = tokio::join!(
        login.hasher.verify(password, hash),
        state.store.sessions(user),
        state.limiter.guess_of_day(quotas, &mut guess)
    );
    let (matches, sessions, of_day) = (matches?, sessions?, of_day?);
    of_day.allowed()?;
    if !matches && guess.spends_the_day() {
        metrics::count(&[("Function", NAME)], &[("AccountsOutOfGuesses", 1)]);
    }

    let Some(credential) = credential else {
        return Err(refuse_unknown(login, attempt, email).await?.into());
    };
    if !matches {
        return Err(refuse(login, &credential, attempt, Error::InvalidCredentials)
            .await?
            .into());
    }
    // The right password of an inactive account counts too, so that its refusal takes the same writes as any other.
    let active = credential.is_active;
    let refund = async {
        if active {
            state.limiter.refund(quotas, guess).await;
        }
    };
    let (committed, ()) = tokio::join!(
        finish(login, credential, sessions, attempt, email, password),
        refund
    );
    let (credential, session) = committed?;
    Ok(Opened {
        signer,
        credential,
        session,
        lane,
    })
}

/// Commits the login. Starts over if the credential or the sessions changed meanwhile.
async fn finish(
    login: &LoginState,
    mut credential: Credential,
    mut sessions: Vec<Session>,
    attempt: &Attempt,
    email: &Email,
    password: &Password,
) -> Result<(Credential, Session), ApiError> {
    let state = &login.signing.state;
    let mut verified = credential.password_hash.clone();
    let mut renewed_hash = None;
    for _ in 0..MAX_ATTEMPTS {
        if credential.password_hash != verified {
            // A new password, or the same one rehashed by another login: only hashing tells.
            verified.clone_from(&credential.password_hash);
            renewed_hash = None;
            if !login.hasher.verify(password, verified.as_ref()).await? {
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
            renewed_hash = Some(login.hasher.hash(password).await?);
        }
        let proved = Proved {
            amr: vec![AuthMethod::Pwd],
            redemption: None,
            device_id: attempt.device.id.clone(),
        };
        let session = new_session(state, &credential.account, attempt, proved);
        let proof = LoginProof::Password {
            renewed_hash: renewed_hash.as_ref(),
        };
        let outcome = commit(login, &credential, &sessions, &session, proof, &attempt.context);
        match outcome.await? {
            LoginOutcome::Committed => return Ok((credential, session)),
            LoginOutcome::CredentialChanged(Some(changed)) => credential = *changed,
            LoginOutcome::CredentialChanged(None) => {
                return Err(refuse_unknown(login, attempt, email).await?.into());
            }
            LoginOutcome::SessionsChanged => {}
        }
        // Queries may not show yet what got in between, and would miss it again.
        state.store.wait_for_queries().await;
        sessions = state.store.sessions(credential.account.user_id).await?;
    }
    Err(CONTENDED.into())
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
async fn refuse_unknown(login: &LoginState, attempt: &Attempt, email: &Email) -> Result<Error, StoreError> {
    let state = &login.signing.state;
    let event = login_failed(state, attempt, state.ids.user(), &email.digest());
    state.store.record_unknown_login(email, &event).await?;
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
