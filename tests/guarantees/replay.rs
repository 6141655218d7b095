//! Whatever happens to an account, its audit trail tells exactly what became of its sessions.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};
use registry::{cleanup, login, logout, logout_all};
use serde_json::json;
use tests::{EMAIL, Event, PASSWORD, TestService, Tokens};

/// Something that its owner, a thief, support staff or time does to an account. Sessions are identified by number,
/// modulo how many there are.
#[derive(Clone, Debug)]
enum Operation {
    LogIn {
        device: u8,
    },
    LogInWithWrongPassword,
    /// A login with a ticket.
    Redeem,
    /// Its ticket comes again.
    ReplayTicket {
        session: usize,
    },
    Refresh {
        session: usize,
    },
    ReplayOldToken {
        session: usize,
    },
    Logout {
        session: usize,
    },
    Revoke {
        by: usize,
        session: usize,
    },
    LogoutAll {
        by: usize,
        except_current: bool,
    },
    CleanUp {
        by: usize,
    },
    /// An action of `admin`.
    Support {
        action: &'static str,
        session: usize,
    },
    Wait {
        seconds: i64,
    },
}

use Operation::{
    CleanUp, LogIn, LogInWithWrongPassword, Logout, LogoutAll, Redeem, Refresh, ReplayOldToken, ReplayTicket,
    Revoke, Support, Wait,
};

fn operation() -> impl Strategy<Value = Operation> {
    let session = || 0..12_usize;
    prop_oneof![
        6 => (0..5_u8).prop_map(|device| LogIn { device }),
        1 => Just(LogInWithWrongPassword),
        3 => Just(Redeem),
        2 => session().prop_map(|session| ReplayTicket { session }),
        4 => session().prop_map(|session| Refresh { session }),
        2 => session().prop_map(|session| ReplayOldToken { session }),
        2 => session().prop_map(|session| Logout { session }),
        3 => (session(), session()).prop_map(|(by, session)| Revoke { by, session }),
        1 => (session(), any::<bool>()).prop_map(|(by, except_current)| LogoutAll { by, except_current }),
        1 => session().prop_map(|by| CleanUp { by }),
        3 => (support(), session()).prop_map(|(action, session)| Support { action, session }),
        // Sessions live for ten minutes. The clock may also go back a little.
        3 => prop_oneof![Just(1), Just(40), Just(400), Just(90_000), Just(-2)].prop_map(|seconds| Wait { seconds }),
    ]
}

fn support() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        1 => Just("disable_user"),
        3 => Just("enable_user"),
        1 => Just("set_password"),
        1 => Just("revoke_session"),
        1 => Just("revoke_all_sessions"),
    ]
}

/// Steps of one operation or two concurrent ones.
fn steps() -> impl Strategy<Value = Vec<(Operation, Option<Operation>)>> {
    vec((operation(), prop::option::weighted(0.3, operation())), 1..25)
}

/// A phone's view of its session.
struct Phone {
    access: String,
    /// Every refresh token it ever had, newest last.
    refresh: Vec<String>,
    session: String,
    /// What it was opened with.
    ticket: Option<String>,
}

/// What a phone learns from an answer.
enum News {
    Nothing,
    LoggedIn(Tokens, Option<String>),
    Refreshed(usize, Tokens),
}

/// When and why each session ended; `None` if it did not.
type Ends = BTreeMap<String, Option<(i64, String)>>;

/// An account's history, and what its session records said after each step. Records are deleted some time after
/// their session; what was seen stays.
struct Story {
    service: TestService,
    phones: Vec<Phone>,
    seen: Ends,
}

impl Story {
    async fn new() -> Self {
        let limits = [("MAX_SESSIONS_PER_USER", "3"), ("REFRESH_IDLE_SECONDS", "600")];
        Self {
            service: TestService::with(&limits).await,
            phones: Vec::new(),
            seen: Ends::new(),
        }
    }

    async fn step(&mut self, operation: &Operation, beside: Option<&Operation>) {
        let (first, second) = tokio::join!(self.send(operation), async {
            match beside {
                Some(beside) => self.send(beside).await,
                None => News::Nothing,
            }
        });
        for news in [first, second] {
            match news {
                News::Nothing => {}
                News::LoggedIn(tokens, ticket) => self.phones.push(Phone {
                    ticket,
                    access: tokens.access,
                    refresh: vec![tokens.refresh],
                    session: tokens.session,
                }),
                News::Refreshed(phone, tokens) => {
                    let phone = &mut self.phones[phone];
                    phone.access = tokens.access;
                    phone.refresh.push(tokens.refresh);
                }
            }
        }
        self.look().await;
    }

    async fn send(&self, operation: &Operation) -> News {
        let phone = |number: &usize| match self.phones.len() {
            0 => None,
            count => Some((number % count, &self.phones[number % count])),
        };
        let log_in = async |device: u8, password: &str| {
            let body =
                json!({ "email": EMAIL, "password": password, "device_id": format!("device {device}") });
            self.service
                .send(&login::OPERATION, Event::file("login/json").json(&body))
                .await
        };
        match operation {
            LogIn { device } => {
                let answer = log_in(*device, PASSWORD).await;
                if answer.status == 200 {
                    return News::LoggedIn(Tokens::from(&answer.body), None);
                }
                assert_eq!(answer.status, 401, "the account is disabled: {}", answer.body);
            }
            Redeem => {
                let asked = self.service.ask_for_ticket(json!({ "email": EMAIL })).await;
                if let Some(ticket) = asked["ticket"].as_str() {
                    let answer = self.service.redeem(ticket, "phone", None).await;
                    if answer.status == 200 {
                        return News::LoggedIn(Tokens::from(&answer.body), Some(ticket.to_owned()));
                    }
                }
            }
            ReplayTicket { session } => {
                if let Some((_, phone)) = phone(session)
                    && let Some(ticket) = &phone.ticket
                {
                    self.service.redeem(ticket, "thief", None).await;
                }
            }
            LogInWithWrongPassword => {
                log_in(0, "another password")
                    .await
                    .refused(401, "invalid_credentials");
            }
            Refresh { session } => {
                if let Some((number, phone)) = phone(session) {
                    let answer = self
                        .service
                        .refresh(&phone.refresh[phone.refresh.len() - 1])
                        .await;
                    if answer.status == 200 {
                        return News::Refreshed(number, Tokens::from(&answer.body));
                    }
                }
            }
            ReplayOldToken { session } => {
                if let Some((_, phone)) = phone(session) {
                    self.service.refresh(&phone.refresh[0]).await;
                }
            }
            Logout { session } => {
                if let Some((_, phone)) = phone(session) {
                    let event = Event::file("logout/access-token").bearer(&phone.access);
                    self.service.send(&logout::OPERATION, event).await;
                }
            }
            Revoke { by, session } => {
                if let (Some((_, by)), Some((_, phone))) = (phone(by), phone(session)) {
                    self.service.revoke(&by.access, &phone.session).await;
                }
            }
            LogoutAll { by, except_current } => {
                if let Some((_, by)) = phone(by) {
                    let event =
                        Event::file("logout-all/all").json(&json!({ "except_current": except_current }));
                    self.service
                        .send(&logout_all::OPERATION, event.bearer(&by.access))
                        .await;
                }
            }
            CleanUp { by } => {
                if let Some((_, by)) = phone(by) {
                    let event = Event::file("cleanup/cleanup").bearer(&by.access);
                    self.service.send(&cleanup::OPERATION, event).await;
                }
            }
            Support { action, session } => {
                let mut command = json!({ "action": action, "email": EMAIL, "actor": action });
                match (*action, phone(session)) {
                    ("set_password", _) => command["password"] = PASSWORD.into(),
                    ("revoke_session", Some((_, phone))) => {
                        command["session_id"] = phone.session.as_str().into();
                    }
                    ("revoke_session", None) => return News::Nothing,
                    _ => {}
                }
                self.service.admin(command).await;
            }
            Wait { seconds } => self.service.clock.advance(*seconds),
        }
        News::Nothing
    }

    /// Reads the session records.
    async fn look(&mut self) {
        for item in self.service.items().await {
            let Some(session) = item["sk"].as_str().and_then(|sk| sk.strip_prefix("SESSION#")) else {
                continue;
            };
            let reason = item["revoked_reason"].as_str();
            let end = reason.map(|reason| (item["revoked_at"].as_i64().unwrap(), reason.to_owned()));
            let before = self.seen.insert(session.to_owned(), end.clone());
            if let Some(Some(before)) = before {
                assert_eq!(Some(before), end, "a session ends once");
            }
        }
    }

    /// Reads the trail alone.
    async fn replayed(&self) -> Ends {
        let events = self.service.items().await.into_iter();
        let mut events: Vec<_> = events.filter(|item| !item["type"].is_null()).collect();
        events.sort_by_key(|event| event["sk"].to_string());
        let (mut begun, mut ended) = (Ends::new(), Ends::new());
        for event in &events {
            let Some(session) = event["session_id"].as_str() else {
                continue;
            };
            let (session, kind) = (session.to_owned(), event["type"].as_str().unwrap());
            let earlier = match reason(kind, event["actor"].as_str()) {
                _ if kind == "login_succeeded" => begun.insert(session, None),
                Some(reason) => {
                    let at = event["at"].as_i64().unwrap();
                    ended.insert(session, Some((at, reason.to_owned())))
                }
                None => None,
            };
            assert_eq!(earlier, None, "a session begins once and ends once: {event}");
        }
        for (session, end) in ended {
            let earlier = begun.insert(session, end);
            assert_eq!(earlier, Some(None), "what ended had begun");
        }
        begun
    }
}

/// Why the session of an event of this type ended, given its actor (here: the action of `admin`).
fn reason(kind: &str, actor: Option<&str>) -> Option<&'static str> {
    match (kind, actor) {
        ("logout", None) => Some("logout"),
        ("session_revoked", None) => Some("revoked"),
        ("session_revoked", Some("revoke_session")) | ("sessions_revoked", Some("revoke_all_sessions")) => {
            Some("admin")
        }
        ("sessions_revoked", None) => Some("logout_all"),
        ("sessions_revoked", Some("disable_user")) => Some("account_disabled"),
        ("sessions_revoked", Some("set_password")) => Some("password_changed"),
        ("session_superseded", None) => Some("superseded"),
        ("session_evicted", None) => Some("session_limit"),
        ("refresh_token_reused", None) => Some("refresh_token_reuse"),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_trail_tells_the_state_of_every_session(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut story = Story::new().await;
            for (operation, beside) in &steps {
                story.step(operation, beside.as_ref()).await;
            }
            assert_eq!(story.replayed().await, story.seen);
        });
    }
}

/// The property relies on its operations ending sessions in every possible way.
#[tokio::test]
async fn every_way_to_end_is_told() {
    let mut story = Story::new().await;
    let support = |action, session| Support { action, session };
    let one = [
        LogIn { device: 0 },
        LogIn { device: 0 },
        Logout { session: 1 },
        LogIn { device: 1 },
        Wait { seconds: 1 },
        LogIn { device: 2 },
        LogIn { device: 3 },
        LogIn { device: 4 },
        Refresh { session: 3 },
        Refresh { session: 3 },
        ReplayOldToken { session: 3 },
        Revoke { by: 5, session: 4 },
        LogoutAll {
            by: 5,
            except_current: false,
        },
        LogIn { device: 0 },
        Wait { seconds: 599 },
        LogIn { device: 1 },
        Wait { seconds: 1 },
        CleanUp { by: 7 },
        support("revoke_session", 7),
        LogIn { device: 0 },
        support("disable_user", 0),
        LogIn { device: 0 },
        support("enable_user", 0),
        LogIn { device: 0 },
        support("set_password", 0),
        LogIn { device: 0 },
        support("revoke_all_sessions", 0),
        LogIn { device: 0 },
        Redeem,
        Wait { seconds: 40 },
        ReplayTicket { session: 12 },
        Redeem,
    ];
    for operation in &one {
        story.step(operation, None).await;
    }
    let replayed = story.replayed().await;
    assert_eq!(replayed, story.seen);
    let end = |number: usize| {
        let end = &replayed[&story.phones[number].session];
        end.as_ref().map(|(_, reason)| reason.as_str())
    };
    let ends: Vec<_> = (0..story.phones.len()).map(end).collect();
    assert_eq!(
        ends,
        [
            Some("superseded"),
            Some("logout"),
            Some("session_limit"),
            Some("refresh_token_reuse"),
            Some("revoked"),
            Some("logout_all"),
            None,
            Some("admin"),
            Some("account_disabled"),
            Some("password_changed"),
            Some("admin"),
            None,
            Some("refresh_token_reuse"),
            None
        ]
    );
    let records = story.service.items().await;
    let gone = format!("SESSION#{}", story.phones[6].session);
    assert!(
        records.iter().all(|item| item["sk"] != gone.as_str()),
        "it was cleaned up"
    );
}
