//! The conditions of the store's writes: what happens if something changes between read and write.

use aws_sdk_dynamodb::types::AttributeValue;
use shared::{
    domain::{
        account::Credential,
        audit::AuditContext,
        clock::Seconds,
        email::Email,
        ids::Ids,
        password::PasswordHash,
        session::{Origin, RevokeReason, Session, SessionRef},
    },
    store::{
        LoginCommit, LoginOutcome, LoginProof, RevokeError, RevokeRequest, RotateOutcome, RotateRequest,
    },
};
use tests::{EMAIL, TestService};

async fn credential(service: &TestService) -> Credential {
    let email = Email::parse(EMAIL).unwrap();
    service.state.store.credential(&email).await.unwrap().unwrap()
}

/// The account's sessions, oldest first.
async fn sessions(service: &TestService) -> Vec<Session> {
    service
        .state
        .store
        .sessions(credential(service).await.account.user_id)
        .await
        .unwrap()
}

pub(crate) fn context(service: &TestService) -> AuditContext {
    AuditContext {
        at: service.clock.now(),
        origin: Origin::default(),
        request_id: None,
        actor: None,
    }
}

/// Commits a login that read `credential`.
async fn commit(service: &TestService, credential: &Credential) -> LoginOutcome {
    commit_renewing(service, credential, None).await
}

/// The same, with another hash of the same password.
pub(crate) async fn commit_renewing(
    service: &TestService,
    credential: &Credential,
    renewed_hash: Option<&PasswordHash>,
) -> LoginOutcome {
    let ids = Ids::system();
    let now = service.clock.now();
    let session = Session {
        device_name: "phone".to_owned(),
        ..Session::begin(&ids, credential.account.user_id, now, 600, 6000)
    };
    let context = context(service);
    let login = LoginCommit {
        credential,
        proof: LoginProof::Password { renewed_hash },
        session: &session,
        revoke: &[],
        context: &context,
    };
    service.state.store.commit_login(login).await.unwrap()
}

#[tokio::test]
async fn a_login_loses_against_what_changed_the_credential_under_it() {
    let another = Ids::system().user().to_string();
    let changes = [
        // Deleted and reimported with the same password.
        ("user_id", AttributeValue::S(another)),
        ("is_active", AttributeValue::Bool(false)),
        ("password_hash", AttributeValue::S("$argon2id$another".to_owned())),
        ("login_sequence", AttributeValue::N("7".to_owned())),
    ];
    for (attribute, value) in changes {
        let service = TestService::new().await;
        let read = credential(&service).await;
        let item = service
            .items()
            .await
            .into_iter()
            .find(|item| item["sk"] == "CREDENTIAL")
            .unwrap();
        service.tamper(&item, attribute, value).await;
        let before = service.items().await;
        let LoginOutcome::CredentialChanged(Some(now)) = commit(&service, &read).await else {
            panic!("{attribute}: the login was committed");
        };
        assert_eq!(
            *now,
            credential(&service).await,
            "the current credential is returned"
        );
        assert_eq!(service.items().await, before, "{attribute}: nothing was written");
    }
}

#[tokio::test]
async fn two_logins_that_read_the_same_credential_do_not_both_commit() {
    let service = TestService::new().await;
    let read = credential(&service).await;
    assert!(matches!(commit(&service, &read).await, LoginOutcome::Committed));
    assert!(matches!(
        commit(&service, &read).await,
        LoginOutcome::CredentialChanged(Some(_))
    ));
    assert_eq!(sessions(&service).await.len(), 1);
}

pub(crate) fn rotation(session: &Session, service: &TestService) -> RotateRequest {
    RotateRequest {
        user_id: session.user_id,
        session_id: session.id,
        presented: session.refresh_jti.clone(),
        issued_at: session.created_at.seconds(),
        successor: Ids::system().token(),
        idempotency_hash: None,
        at: service.clock.now(),
        expires_at: Seconds(service.clock.now().seconds().0 + 600),
        origin: Origin::default(),
        device_name: None,
    }
}

#[tokio::test]
async fn a_repeated_rotation_finds_its_own_successor() {
    let service = TestService::new().await;
    service.log_in("phone").await;
    let rotate = rotation(&sessions(&service).await[0], &service);
    assert!(matches!(
        service.state.store.rotate(&rotate).await.unwrap(),
        RotateOutcome::Rotated { .. }
    ));
    let RotateOutcome::Refused(Some(session)) = service.state.store.rotate(&rotate).await.unwrap() else {
        panic!("the repeat was applied");
    };
    assert_eq!(session.refresh_jti, rotate.successor);
    assert_eq!(session.rotation_count, 1);
}

#[tokio::test]
async fn a_rotation_does_not_bring_back_what_was_removed() {
    let service = TestService::with(&[("REFRESH_IDLE_SECONDS", "600")]).await;
    service.log_in("phone").await;
    let session = sessions(&service).await.remove(0);
    service.clock.advance(600);
    let removed = service
        .state
        .store
        .delete_expired(session.user_id, &[session.id], service.clock.now())
        .await;
    assert_eq!(removed.unwrap(), 1);
    let outcome = service
        .state
        .store
        .rotate(&rotation(&session, &service))
        .await
        .unwrap();
    assert!(matches!(outcome, RotateOutcome::Refused(None)));
    assert!(sessions(&service).await.is_empty());
}

#[tokio::test]
async fn a_delete_leaves_a_session_that_was_refreshed_meanwhile() {
    let service = TestService::new().await;
    service.log_in("phone").await;
    let session = sessions(&service).await.remove(0);
    let removed = service
        .state
        .store
        .delete_expired(session.user_id, &[session.id], service.clock.now())
        .await;
    assert_eq!(removed.unwrap(), 0);
    assert_eq!(sessions(&service).await.len(), 1);
}

fn end<'a>(
    sessions: &'a [Session],
    reason: RevokeReason,
    context: &'a AuditContext,
    caller: Option<SessionRef>,
) -> RevokeRequest<'a> {
    RevokeRequest {
        sessions,
        reason,
        context,
        caller,
    }
}

#[tokio::test]
async fn a_caller_that_was_ended_meanwhile_ends_nobody() {
    let service = TestService::new().await;
    service.log_in("phone").await;
    service.clock.advance(1);
    service.log_in("tablet").await;
    let both = sessions(&service).await;
    let (store, context) = (&service.state.store, context(&service));
    let first = store
        .revoke_sessions(end(&both[..1], RevokeReason::Revoked, &context, None))
        .await
        .unwrap();
    assert_eq!(first, [both[0].id]);
    let caller = Some(SessionRef {
        user_id: both[0].user_id,
        session_id: both[0].id,
    });
    let before = service.items().await;
    for sessions in [&both[..1], &both[1..], &both[..]] {
        let outcome = store
            .revoke_sessions(end(sessions, RevokeReason::Revoked, &context, caller))
            .await;
        assert!(matches!(outcome, Err(RevokeError::Revoked)), "{outcome:?}");
    }
    assert_eq!(service.items().await, before);
}

#[tokio::test]
async fn sessions_that_ended_by_themselves_do_not_stop_the_others() {
    let service = TestService::new().await;
    for device in ["a", "b", "c"] {
        service.log_in(device).await;
        service.clock.advance(1);
    }
    let all = sessions(&service).await;
    let (store, context) = (&service.state.store, context(&service));
    store
        .revoke_sessions(end(&all[1..2], RevokeReason::LogoutAll, &context, None))
        .await
        .unwrap();
    let ended = store
        .revoke_sessions(end(&all, RevokeReason::LogoutAll, &context, None))
        .await
        .unwrap();
    assert_eq!(ended, [all[0].id, all[2].id]);
    assert_eq!(
        service
            .events()
            .await
            .iter()
            .filter(|name| *name == "sessions_revoked")
            .count(),
        3
    );
}
