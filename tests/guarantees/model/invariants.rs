//! Invariants that hold after every operation. Each is checked on the records and answers alone, without the model.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use shared::domain::clock::Millis;
use tests::{Answer, TestService, Tokens, claims};

use super::{operations::Label, state::Entry, table::Records};

/// All tokens ever presented and returned.
#[derive(Debug, Default)]
pub struct Watch {
    /// The id of the token that each refresh token was exchanged for.
    successors: BTreeMap<String, String>,
    /// All returned tokens, by session.
    tokens: BTreeMap<String, Vec<Tokens>>,
}

impl Watch {
    /// Checks and keeps an answer with tokens; `presented` is the refresh token of the request.
    pub fn heard(&mut self, presented: Option<&str>, answer: &Answer) {
        if answer.status != 200 || answer.body["refresh_token"].is_null() {
            return;
        }
        let tokens = Tokens::from(&answer.body);
        if let Some(presented) = presented {
            self.one_lineage(presented, &tokens);
        }
        self.tokens
            .entry(tokens.session.clone())
            .or_default()
            .push(tokens);
    }

    /// A session has at most one live lineage of refresh tokens: a token has one successor and a successor one
    /// predecessor, however often and with whatever key it is requested.
    fn one_lineage(&mut self, presented: &str, tokens: &Tokens) {
        let jti = |token: &str| claims(token)["jti"].to_string();
        let (presented, successor) = (jti(presented), jti(&tokens.refresh));
        assert_ne!(presented, successor, "a refresh token followed itself");
        let known = self
            .successors
            .entry(presented.clone())
            .or_insert_with(|| successor.clone());
        assert_eq!(*known, successor, "a refresh token has two successors");
        let parents = self.successors.values().filter(|jti| **jti == successor).count();
        assert_eq!(parents, 1, "a refresh token has two predecessors");
    }

    /// No token of an ended session works, and trying them changes nothing.
    pub async fn no_token_outlives_its_session(&self, service: &TestService, records: &Records) {
        let now = service.clock.now();
        let active = records.sessions.values().filter(|item| is_active(item, now));
        let active: BTreeSet<_> = active.filter_map(|item| item["session_id"].as_str()).collect();
        for (_, tokens) in self
            .tokens
            .iter()
            .filter(|(session, _)| !active.contains(session.as_str()))
        {
            for tokens in tokens {
                assert_eq!(service.list(&tokens.access).await.status, 401);
                assert_eq!(service.refresh(&tokens.refresh).await.status, 401);
            }
        }
        assert_eq!(
            Records::read(service).await,
            *records,
            "a dead token changed something"
        );
    }
}

/// The replay of an old refresh token revokes its session and touches no other.
pub fn a_replay_ends_only_its_own_session(
    before: &Records,
    after: &Records,
    presented: &str,
    answer: &Answer,
) {
    if answer.body["code"] != "refresh_token_reused" {
        return;
    }
    let replayed = claims(presented)["sid"].clone();
    for (label, item) in &before.sessions {
        let now = &after.sessions[label];
        if item["session_id"] == replayed {
            assert_eq!(now["revoked_reason"], "refresh_token_reuse");
        } else {
            assert_eq!(item, now, "a replay changed another session");
        }
    }
}

/// The trail alone tells which sessions existed, and when and how they ended.
pub fn the_trail_explains_the_sessions(records: &Records) {
    let told = |label: Label, endings: bool| {
        let entries = records
            .trail
            .iter()
            .filter(move |entry| entry.session == Some(label) && entry.what != "session_renamed");
        entries
            .filter(move |entry| (entry.what != "login_succeeded") == endings)
            .collect::<Vec<_>>()
    };
    for (label, item) in &records.sessions {
        let began = told(*label, false);
        assert_eq!(began.len(), 1, "session {label} began {} times", began.len());
        assert_eq!(item["created_at"], began[0].at.0);
        let ended = told(*label, true);
        assert_eq!(
            ended.len(),
            usize::from(!item["revoked_at"].is_null()),
            "session {label} ended {ended:?}"
        );
        if let Some(end) = ended.first() {
            let expected = match item["revoked_reason"].as_str().unwrap_or_default() {
                "logout" => "logout",
                "admin" if end.what == "sessions_revoked" => "sessions_revoked",
                "revoked" | "admin" => "session_revoked",
                "logout_all" | "account_disabled" | "password_changed" => "sessions_revoked",
                "superseded" => "session_superseded",
                "session_limit" => "session_evicted",
                "refresh_token_reuse" => "refresh_token_reused",
                other => panic!("session {label} ended for {other:?}"),
            };
            assert_eq!(
                (&item["revoked_at"], end.what.as_str()),
                (&end.at.0.into(), expected)
            );
        }
    }
    // Nor may the trail have more than one beginning and one end of sessions whose records are gone.
    let mut count = BTreeMap::new();
    let of_sessions = |entry: &&Entry| entry.session.is_some() && entry.what != "session_renamed";
    for entry in records.trail.iter().filter(of_sessions) {
        *count
            .entry((entry.session, entry.what == "login_succeeded"))
            .or_insert(0) += 1;
    }
    assert!(count.values().all(|&times| times == 1), "{:?}", records.trail);
}

/// No session outlives its absolute limit, and at most `sessions` are active.
pub fn limits_hold(records: &Records, now: Millis, absolute: i64, sessions: usize) {
    for (label, item) in &records.sessions {
        let seconds = |name: &str| item[name].as_i64().unwrap_or_default();
        let limit = seconds("created_at").div_euclid(1000) + absolute;
        assert_eq!(seconds("absolute_expires_at"), limit, "session {label}");
        assert!(
            seconds("expires_at") <= limit,
            "session {label} outlives its absolute limit"
        );
    }
    let active = records
        .sessions
        .values()
        .filter(|item| is_active(item, now))
        .count();
    assert!(active <= sessions, "{active} sessions are active");
}

fn is_active(item: &Value, now: Millis) -> bool {
    item["revoked_at"].is_null()
        && item["expires_at"]
            .as_i64()
            .is_some_and(|end| end > now.seconds().0)
}
