//! Logging in with a ticket.
//!
//! First it counts the attempt and reads the credential and the key set. Then it reads the account's sessions: one of them
//! may have been opened with this ticket. Then one transaction removes the ticket and creates the session. Whoever
//! presents it again is judged like one who presents a refresh token that was exchanged when the session was created.
//!
//! An address without an account takes the same reads, so that timing does not reveal which exist.

use shared::{
    Error,
    domain::{
        account::Credential,
        clock::{Millis, Seconds},
        error::FieldError,
        rate::{Quotas, Source},
        session::{Redemption, RevokeReason, Session},
        ticket::{Ticket, TicketHash},
    },
    http::{ApiError, Code},
    runtime::metrics,
    store::{LoginOutcome, LoginProof, RevokeOutcome, StoreError},
};

use crate::{
    attempt::{Attempt, PresentedTicket, Proved, new_session},
    commit::{CONTENDED, MAX_ATTEMPTS, commit},
    state::{LoginState, NAME, Opened},
};

/// What a ticket that opened a session means when it is presented again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replay {
    /// The app repeats a login whose answer it never got: it gets the same session, and nothing is written.
    SameSession,
    /// Another request, and too soon to tell theft from a second process of the app. Nothing is given.
    Conflict {
        /// When the same request decides, in seconds from now.
        retry_after: i64,
    },
    /// Two parties have the ticket.
    Theft,
    /// The session, or the ticket's time, is over.
    Over,
}

pub(crate) async fn redeem(
    login: &LoginState,
    quotas: &Quotas,
    attempt: &Attempt,
    presented: &PresentedTicket,
) -> Result<Opened, ApiError> {
    let state = &login.signing.state;
    let source = Source::of_requests(attempt.context.origin.ip_address);
    let email = presented.text.email().ok();
    let read = async {
        match &email {
            Some(email) => state.store.credential(email).await,
            None => Ok(None),
        }
    };
    let counted = async {
        tokio::try_join!(
            async { state.limiter.login(quotas, &source).await.map_err(Error::from) },
            async { read.await.map_err(Error::from) }
        )
    };
    let (signer, (limit, mut credential)) = login.signing.issuer.signer_beside(counted).await?;
    limit.allowed()?;
    let email = email.ok_or(Error::InvalidTicket)?;
    let hash = presented.text.hash();
    let user = credential
        .as_ref()
        .map_or_else(|| state.ids.user(), |found| found.account.user_id);
    let mut sessions = state.store.sessions(user).await?;
    if find(credential.as_ref(), &hash).is_none() && redeemed(&sessions, &hash).is_none() {
        // It may have been redeemed this very moment.
        state.store.wait_for_queries().await;
        sessions = state.store.sessions(user).await?;
    }
    let known = state
        .auth
        .known_device(attempt.device_token.as_deref(), &email)
        .await;
    let lane = known.and_then(|token| state.auth.lane(token));
    for _ in 0..MAX_ATTEMPTS {
        let Some(found) = credential else {
            return Err(Error::InvalidTicket.into());
        };
        if let Some((session, redemption)) = redeemed(&sessions, &hash) {
            judge(login, attempt, presented, session, redemption).await?;
            return Ok(Opened {
                signer,
                session: session.clone(),
                credential: found,
                lane,
            });
        }
        let ticket = good(&found, &hash, attempt.context.at).ok_or(Error::InvalidTicket)?;
        let proved = Proved {
            amr: ticket.amr.clone(),
            redemption: Some(Redemption {
                hash,
                expires_at: ticket.expires_at,
                idempotency_hash: presented.idempotency_hash,
            }),
            device_id: device_id(ticket, attempt)?,
        };
        let session = new_session(state, &found.account, attempt, proved);
        let proof = LoginProof::Ticket(&hash);
        let outcome = commit(login, &found, &sessions, &session, proof, &attempt.context);
        credential = match outcome.await? {
            LoginOutcome::Committed => {
                return Ok(Opened {
                    signer,
                    credential: found,
                    session,
                    lane,
                });
            }
            LoginOutcome::CredentialChanged(changed) => changed.map(|changed| *changed),
            LoginOutcome::SessionsChanged => Some(found),
        };
        // Queries may not show yet what got in between, and would miss it again.
        state.store.wait_for_queries().await;
        sessions = state.store.sessions(user).await?;
    }
    Err(CONTENDED.into())
}

fn find<'a>(credential: Option<&'a Credential>, hash: &TicketHash) -> Option<&'a Ticket> {
    let mut tickets = credential?.tickets.iter();
    tickets.find(|ticket| ticket.hash == *hash)
}

/// The ticket, if it opens a session of this account now.
fn good<'a>(credential: &'a Credential, hash: &TicketHash, now: Millis) -> Option<&'a Ticket> {
    let is_own = |ticket: &&Ticket| {
        ticket
            .user_id
            .is_none_or(|user| user == credential.account.user_id)
    };
    let found = find(Some(credential), hash).filter(is_own);
    found.filter(|ticket| credential.is_active && now.seconds() < ticket.expires_at)
}

/// The session that was opened with the ticket.
fn redeemed<'a>(sessions: &'a [Session], hash: &TicketHash) -> Option<(&'a Session, &'a Redemption)> {
    sessions.iter().find_map(|session| {
        let redemption = session.redemption.as_ref()?;
        (redemption.hash == *hash).then_some((session, redemption))
    })
}

/// The ticket's device, or else the app's own.
fn device_id(ticket: &Ticket, attempt: &Attempt) -> Result<Option<String>, ApiError> {
    match (&ticket.device_id, &attempt.device.id) {
        (Some(meant), Some(sent)) if meant != sent => {
            let problem = "must be the one that the ticket is for";
            Err(ApiError::validation(vec![FieldError::new("device_id", problem)]))
        }
        (Some(id), _) | (None, Some(id)) => Ok(Some(id.clone())),
        (None, None) => Ok(None),
    }
}

/// Returns if the request gets the session's tokens.
async fn judge(
    login: &LoginState,
    attempt: &Attempt,
    presented: &PresentedTicket,
    session: &Session,
    redemption: &Redemption,
) -> Result<(), ApiError> {
    let state = &login.signing.state;
    let grace_seconds = state.config.refresh_grace_seconds;
    let hash = presented.idempotency_hash.as_ref();
    match classify(session, redemption, hash, attempt.context.at, grace_seconds) {
        Replay::SameSession => return Ok(()),
        Replay::Conflict { retry_after } => return Err(Error::RefreshConflict { retry_after }.into()),
        Replay::Over => {}
        Replay::Theft => {
            end(login, attempt, session).await?;
        }
    }
    Err(Error::InvalidTicket.into())
}

/// Ends the session, and raises the alarm of a replayed refresh token.
async fn end(login: &LoginState, attempt: &Attempt, session: &Session) -> Result<(), StoreError> {
    let store = &login.signing.state.store;
    let ended = store.revoke_session(session, RevokeReason::RefreshTokenReuse, &attempt.context);
    if let RevokeOutcome::Revoked = ended.await? {
        let outcome = ("Outcome", Code::RefreshTokenReused.as_str());
        metrics::count(&[("Function", NAME), outcome], &[("Requests", 1)]);
    }
    Ok(())
}

/// Judges whoever presents a ticket that has opened a session, as if it were the refresh token before the session's first.
fn classify(
    session: &Session,
    redemption: &Redemption,
    idempotency_hash: Option<&[u8; 32]>,
    now: Millis,
    grace_seconds: i64,
) -> Replay {
    // Another machine's clock may be ahead.
    let at = now.max(session.created_at);
    if !session.is_active(at) || is_over(redemption.expires_at, at) {
        return Replay::Over;
    }
    if session.rotation_count > 0 {
        return Replay::Theft;
    }
    let left = session.created_at.0 + grace_seconds * 1000 - at.0;
    let is_same_request = match (&redemption.idempotency_hash, idempotency_hash) {
        (Some(stored), Some(given)) => stored == given,
        (None, None) => left > 0,
        (Some(_), None) | (None, Some(_)) => false,
    };
    if is_same_request {
        Replay::SameSession
    } else if left > 0 {
        let retry_after = (left + 999) / 1000;
        Replay::Conflict { retry_after }
    } else {
        Replay::Theft
    }
}

fn is_over(end: Seconds, at: Millis) -> bool {
    end <= at.seconds()
}

#[cfg(test)]
mod tests {
    use shared::domain::{ids::Ids, session::Revocation};

    use super::*;

    const CREATED: i64 = 1_000_000;

    struct Case {
        session: Session,
        key: Option<[u8; 32]>,
        at: i64,
    }

    impl Case {
        /// A session opened at second 1000 with a ticket that is good until 1300, which comes back ten seconds later.
        fn new(stored: Option<u8>, given: Option<u8>) -> Self {
            let ids = Ids::sequence(1);
            let session = Session {
                redemption: Some(Redemption {
                    hash: [1; 32],
                    expires_at: Seconds(1300),
                    idempotency_hash: stored.map(|key| [key; 32]),
                }),
                ..Session::begin(&ids, ids.user(), Millis(CREATED), 4000, 8000)
            };
            Self {
                session,
                key: given.map(|key| [key; 32]),
                at: 10_000,
            }
        }

        fn after(self, at: i64) -> Self {
            Self { at, ..self }
        }

        fn refreshed(mut self) -> Self {
            self.session.rotation_count = 1;
            self
        }

        fn replay(&self) -> Replay {
            let redemption = self.session.redemption.as_ref().unwrap();
            let at = Millis(CREATED + self.at);
            classify(&self.session, redemption, self.key.as_ref(), at, 30)
        }
    }

    #[test]
    fn the_request_that_opened_it_gets_the_session_until_its_first_refresh() {
        let same = || Case::new(Some(7), Some(7));
        assert_eq!(same().replay(), Replay::SameSession);
        assert_eq!(same().after(299_999).replay(), Replay::SameSession);
        assert_eq!(same().refreshed().replay(), Replay::Theft);
    }

    #[test]
    fn without_keys_it_does_within_the_window() {
        assert_eq!(Case::new(None, None).after(29_999).replay(), Replay::SameSession);
        assert_eq!(Case::new(None, None).after(30_000).replay(), Replay::Theft);
        assert_eq!(Case::new(None, None).refreshed().replay(), Replay::Theft);
    }

    #[test]
    fn another_request_is_a_conflict_within_the_window_and_theft_after_it() {
        for (stored, given) in [(Some(7), Some(8)), (Some(7), None), (None, Some(7))] {
            let case = || Case::new(stored, given);
            let conflict = |retry_after| Replay::Conflict { retry_after };
            assert_eq!(case().replay(), conflict(20));
            assert_eq!(case().after(0).replay(), conflict(30));
            // A machine whose clock is behind.
            assert_eq!(case().after(-60_000).replay(), conflict(30));
            assert_eq!(case().after(29_999).replay(), conflict(1));
            assert_eq!(case().after(30_000).replay(), Replay::Theft);
        }
    }

    #[test]
    fn once_the_ticket_or_the_session_is_over_nothing_ends() {
        assert_eq!(Case::new(Some(7), Some(8)).after(300_000).replay(), Replay::Over);
        assert_eq!(Case::new(Some(7), Some(7)).after(300_000).replay(), Replay::Over);
        let mut ended = Case::new(None, None);
        ended.session.revocation = Some(Revocation {
            at: Millis(CREATED),
            reason: RevokeReason::Logout,
        });
        assert_eq!(ended.replay(), Replay::Over);
    }
}
