//! Disabling, setting a password and deletion against concurrent logins and refreshes: every order of their steps, then
//! truly in parallel.

use futures_util::future::{join, join_all};
use registry::login;
use serde_json::{Value, json};
use shared::{
    domain::{
        account::{Account, Credential},
        audit::EventType,
        email::Email,
        ids::Ids,
        password::PasswordHash,
        session::{RevokeReason, Session},
    },
    store::{
        ChangeOutcome, CredentialChange, LoginOutcome, NewAccount, RecordKind, RevokeRequest, RotateOutcome,
    },
};
use tests::{Answer, Event, PASSWORD, TestService, Tokens};

use super::{event_with, ok};
use crate::guarantees::store::{commit_renewing, context, rotation};

/// Runs against logins and refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Disable,
    SetPassword,
    Delete,
}

const COMMANDS: [Command; 3] = [Command::Disable, Command::SetPassword, Command::Delete];

/// Who takes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Actor {
    /// Reads the credential; reads the sessions; commits.
    Login,
    /// Changes the credential; reads the sessions; revokes/deletes them.
    Admin,
    /// Exchanges the refresh token of an existing session.
    Refresh,
}

/// Every order of three login steps, three command steps and a refresh.
fn orders() -> Vec<Vec<Actor>> {
    fn go(left: &[(Actor, usize)], order: &mut Vec<Actor>, orders: &mut Vec<Vec<Actor>>) {
        if left.iter().all(|(_, steps)| *steps == 0) {
            orders.push(order.clone());
        }
        for (index, &(actor, steps)) in left.iter().enumerate() {
            if steps > 0 {
                let mut rest = left.to_vec();
                rest[index].1 -= 1;
                order.push(actor);
                go(&rest, order, orders);
                order.pop();
            }
        }
    }
    let mut orders = Vec::new();
    let steps = [(Actor::Login, 3), (Actor::Admin, 3), (Actor::Refresh, 1)];
    go(&steps, &mut Vec::new(), &mut orders);
    orders
}

fn hash(salt: &str) -> PasswordHash {
    let hash = format!("$argon2id$v=19$m=64,t=1,p=1${salt}$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA");
    PasswordHash::imported(&hash).unwrap()
}

/// One account, and who acts on it.
struct Scene<'a> {
    service: &'a TestService,
    command: Command,
    account: Account,
    before: Session,
    /// What the login read, and whether it committed.
    credential: Option<Credential>,
    committed: bool,
    refreshed: bool,
    /// What the command read.
    sessions: Vec<Session>,
    steps: [usize; 3],
    /// Every other login also replaces the hash that it read.
    renews_hash: bool,
}

impl<'a> Scene<'a> {
    async fn new(service: &'a TestService, command: Command, number: usize) -> Scene<'a> {
        let email = Email::parse(&format!("{command:?}{number}@example.com")).unwrap();
        let account = Account {
            user_id: Ids::system().user(),
            email_as_typed: email.as_str().to_owned(),
            email,
            created_at: service.clock.now(),
        };
        let credential = Credential {
            tickets: Vec::new(),
            account: account.clone(),
            password_hash: Some(hash("c29tZXNhbHRzb21lc2FsdA")),
            is_active: true,
            deletion_began_at: None,
            login_sequence: 0,
        };
        let event = context(service).event(&Ids::system(), account.user_id, EventType::AccountCreated);
        let new = NewAccount { credential, event };
        service.state.store.create_account(&new).await.unwrap();
        commit_renewing(service, &new.credential, None).await;
        let before = service
            .state
            .store
            .sessions(account.user_id)
            .await
            .unwrap()
            .remove(0);
        Scene {
            service,
            command,
            account,
            before,
            credential: None,
            committed: false,
            refreshed: false,
            sessions: Vec::new(),
            steps: [0; 3],
            renews_hash: number % 2 == 1,
        }
    }

    async fn step(&mut self, actor: Actor) {
        let step = self.steps[actor as usize];
        self.steps[actor as usize] += 1;
        let store = &self.service.state.store;
        match (actor, step) {
            (Actor::Login, 0) => self.credential = store.credential(&self.account.email).await.unwrap(),
            (Actor::Login, 1) => drop(store.sessions(self.account.user_id).await.unwrap()),
            (Actor::Login, _) => self.commit().await,
            (Actor::Refresh, _) => {
                let outcome = store.rotate(&rotation(&self.before, self.service)).await.unwrap();
                self.refreshed = matches!(outcome, RotateOutcome::Rotated { .. });
            }
            (Actor::Admin, 0) => {
                let context = context(self.service);
                let changed = store.change_credential(&self.account, self.change(), &context);
                assert_eq!(changed.await.unwrap(), ChangeOutcome::Done);
            }
            (Actor::Admin, 1) => self.sessions = store.sessions(self.account.user_id).await.unwrap(),
            (Actor::Admin, _) if self.command == Command::Delete => {
                store
                    .delete_some(self.account.user_id, RecordKind::Sessions)
                    .await
                    .unwrap();
            }
            (Actor::Admin, _) => {
                let request = RevokeRequest {
                    sessions: &self.sessions,
                    reason: RevokeReason::AccountDisabled,
                    context: &context(self.service),
                    caller: None,
                };
                store.revoke_sessions(request).await.unwrap();
            }
        }
    }

    fn change(&self) -> CredentialChange<'static> {
        match self.command {
            Command::Disable => CredentialChange::Disable,
            Command::SetPassword => {
                CredentialChange::SetPassword(Box::leak(Box::new(hash("YW5vdGhlcnNhbHQ"))))
            }
            Command::Delete => CredentialChange::BeginDeletion,
        }
    }

    /// Commits if the account existed, was active, and had the hash of the password.
    async fn commit(&mut self) {
        let Some(credential) = self.credential.take().filter(|read| read.is_active) else {
            return;
        };
        if credential.password_hash != Some(hash("c29tZXNhbHRzb21lc2FsdA")) {
            return;
        }
        let renewed = hash("cmVuZXdlZHNhbHQ");
        let renewed = self.renews_hash.then_some(&renewed);
        match commit_renewing(self.service, &credential, renewed).await {
            LoginOutcome::Committed => self.committed = true,
            LoginOutcome::CredentialChanged(None) => assert_eq!(self.command, Command::Delete),
            LoginOutcome::CredentialChanged(Some(now)) => {
                assert!(!now.is_active || now.password_hash != credential.password_hash);
            }
            LoginOutcome::SessionsChanged => panic!("it ends none"),
        }
    }

    async fn assert_nobody_is_in(&self, order: &[Actor]) {
        let store = &self.service.state.store;
        let sessions = store.sessions(self.account.user_id).await.unwrap();
        let alive: Vec<_> = sessions
            .iter()
            .filter(|session| session.revocation.is_none())
            .collect();
        assert!(alive.is_empty(), "{:?} {order:?}: {alive:?}", self.command);
        for session in &sessions {
            let outcome = store.rotate(&rotation(session, self.service)).await.unwrap();
            assert!(
                matches!(outcome, RotateOutcome::Refused(_)),
                "{:?} {order:?}",
                self.command
            );
        }
        let credential = store.credential(&self.account.email).await.unwrap();
        match self.command {
            Command::Disable => assert!(!credential.unwrap().is_active),
            Command::SetPassword => {
                assert_eq!(credential.unwrap().password_hash, Some(hash("YW5vdGhlcnNhbHQ")));
            }
            Command::Delete => assert!(credential.is_none()),
        }
    }
}

#[tokio::test]
async fn no_order_of_steps_leaves_a_session_behind_when_disabling() {
    try_every_order(Command::Disable).await;
}

#[tokio::test]
async fn no_order_of_steps_leaves_a_session_behind_with_a_new_password() {
    try_every_order(Command::SetPassword).await;
}

#[tokio::test]
async fn no_order_of_steps_leaves_a_session_behind_when_deleting() {
    try_every_order(Command::Delete).await;
}

async fn try_every_order(command: Command) {
    let service = TestService::new().await;
    let orders = orders();
    assert_eq!(orders.len(), 140);
    let (mut committed, mut refreshed) = (0, 0);
    for (number, order) in orders.iter().enumerate() {
        let mut scene = Scene::new(&service, command, number).await;
        for actor in order {
            scene.step(*actor).await;
        }
        scene.assert_nobody_is_in(order).await;
        committed += usize::from(scene.committed);
        refreshed += usize::from(scene.refreshed);
    }
    // A login fails exactly if the change precedes its last step; a refresh, if it comes last.
    let before_change = |order: &&Vec<Actor>| {
        let change = order.iter().position(|actor| *actor == Actor::Admin);
        order.iter().rposition(|actor| *actor == Actor::Login) < change
    };
    assert_eq!(committed, orders.iter().filter(before_change).count());
    let before_end = |order: &&Vec<Actor>| {
        let end = order.iter().rposition(|actor| *actor == Actor::Admin);
        order.iter().position(|actor| *actor == Actor::Refresh) < end
    };
    assert_eq!(refreshed, orders.iter().filter(before_end).count());
}

async fn try_log_in(service: &TestService, email: &str, device: &str) -> Answer {
    let body = json!({"email": email, "password": PASSWORD, "device_id": device});
    service
        .send(&login::OPERATION, Event::file("login/json").json(&body))
        .await
}

fn command(command: Command, email: &str) -> Value {
    let name = match command {
        Command::Disable => "disable_user",
        Command::SetPassword => "set_password",
        Command::Delete => "delete_user",
    };
    event_with(name, &json!({"email": email}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn side_by_side_no_session_is_left_behind() {
    let service = TestService::new().await;
    let devices = ["a", "b", "c", "d"];
    for round in 0..8 {
        for kind in COMMANDS {
            let email = format!("{kind:?}{round}@example.com");
            let user = service.create_user(&email).await;
            let before = service.log_in_as(&email, "before").await;
            let logins = join_all(devices.map(|device| try_log_in(&service, &email, device)));
            let refreshes = async {
                let mut refresh = before.refresh.clone();
                loop {
                    let answer = service.refresh(&refresh).await;
                    if answer.status != 200 {
                        return answer;
                    }
                    refresh = answer.body["refresh_token"].as_str().unwrap().to_owned();
                }
            };
            let (logins, (refused, done)) =
                join(logins, join(refreshes, service.admin(command(kind, &email)))).await;
            ok(done);
            assert_eq!(refused.status, 401);
            let mut tokens = vec![before];
            for answer in logins {
                match answer.body["code"].as_str() {
                    None => tokens.push(Tokens::from(&answer.ok())),
                    Some("account_inactive") => assert_eq!(kind, Command::Disable),
                    Some(code) => assert_eq!(code, "invalid_credentials"),
                }
            }
            for tokens in &tokens {
                assert_eq!(service.list(&tokens.access).await.status, 401);
                assert_eq!(service.refresh(&tokens.refresh).await.status, 401);
            }
            let pk = format!("USER#{user}");
            let items = service.items().await;
            let mut records = items.iter().filter(|item| item["pk"] == pk.as_str());
            assert!(records.all(|item| item["refresh_jti"].is_null() || !item["revoked_at"].is_null()));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_password_that_is_set_during_logins_with_an_outdated_hash_stays_set() {
    let service = TestService::new().await;
    let bcrypt = "$2b$05$iX65k7tksf3FNXZbsnxfVeUmEK4OI.M6UOPtKlaU42JMH0kDAQqmu";
    for round in 0..10 {
        let email = format!("user{round}@example.com");
        let fields = json!({"email": email, "password": null, "password_hash": bcrypt});
        ok(service.admin(event_with("create_user", &fields)).await);
        let logins = ["a", "b", "c"].map(|device| try_log_in(&service, &email, device));
        let (_, set) = join(
            join_all(logins),
            service.admin(command(Command::SetPassword, &email)),
        )
        .await;
        ok(set);
        try_log_in(&service, &email, "a")
            .await
            .refused(401, "invalid_credentials");
        let body = json!({"email": email, "password": "a new horse, a new battery"});
        service
            .send(&login::OPERATION, Event::file("login/json").json(&body))
            .await
            .ok();
    }
}
