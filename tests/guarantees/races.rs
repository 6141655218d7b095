//! Concurrent requests: in whatever order their calls reach the table, their answers and the final table must be those
//! of the requests executed sequentially, in some order.
//!
//! Functions share only the table, so the orders of their calls are all that can happen, and every one is tried. Each
//! race also runs `RACES` times (3) with no imposed order, truly in parallel.

use futures_util::future::join_all;
use shared::domain::clock::Millis;
use testkit::{Schedule, turns};

use crate::guarantees::model::{
    ModelRun, Play,
    explain::{Call, Order},
    operations::{
        Command::{Delete, Disable, Enable, RevokeAll, RevokeSession, SetPassword},
        Operation::{
            self, Cleanup, Command, List, Login, Logout, LogoutAll, Redeem, Refresh, Rename, Revoke, Ticket,
            Wait,
        },
        Proof, Target,
    },
    state::Rules,
};

/// Operations beforehand, then concurrent ones.
struct Race {
    stage: ModelRun,
    before: Vec<Operation>,
    at_once: Vec<Operation>,
    /// Orders that may explain them.
    order: Order,
}

impl Race {
    async fn new(before: &[Operation], at_once: &[Operation]) -> Self {
        Self {
            stage: ModelRun::new(Rules::SHORT).await,
            before: before.to_vec(),
            at_once: at_once.to_vec(),
            order: Order::Any,
        }
    }

    /// Tries every order of the calls, then none.
    async fn every_order(self) {
        let mut schedule = Some(Schedule::default());
        let mut orders = 0;
        while let Some(order) = schedule {
            let play = self.stage.play(&self.before).await;
            schedule = self.in_order(&play, &order).await.following();
            orders += 1;
        }
        assert!(orders > 1, "only one order was tried");
        self.no_order().await;
    }

    /// Tries some orders: three concurrent operations have too many.
    async fn some_orders(self) {
        for number in 0..5 * rounds() {
            let play = self.stage.play(&self.before).await;
            self.in_order(&play, &Schedule::numbered(number)).await;
        }
        self.no_order().await;
    }

    async fn no_order(self) {
        for _ in 0..rounds() {
            let play = self.stage.play(&self.before).await;
            self.in_parallel(&play).await;
        }
    }

    async fn in_order(&self, play: &Play, order: &Schedule) -> Schedule {
        let mut running = Vec::new();
        for (label, operation) in self.labelled(play) {
            let (turns, queue) = turns();
            let (instance, request) = (play.service.twin().await, play.phones.request(label, operation));
            // Warm instances, which have read the key set.
            instance.state.keys.warm(1).await;
            instance.connection.wait_for(turns);
            let task = tokio::spawn(async move { request.send(&instance).await });
            running.push((queue, task));
        }
        let (answers, taken) = order.run(running).await;
        self.explain(play, answers, &format!("{taken:?}")).await;
        taken
    }

    async fn in_parallel(&self, play: &Play) {
        let mut ready = Vec::new();
        for (label, operation) in self.labelled(play) {
            ready.push((play.service.twin().await, play.phones.request(label, operation)));
        }
        let running = ready
            .into_iter()
            .map(|(instance, request)| tokio::spawn(async move { request.send(&instance).await }));
        let answers = join_all(running).await;
        let answers = answers
            .into_iter()
            .map(|answer| answer.expect("no request panics"))
            .collect();
        self.explain(play, answers, "in parallel").await;
    }

    async fn explain(&self, play: &Play, answers: Vec<tests::Answer>, how: &str) {
        let calls: Vec<_> = self
            .labelled(play)
            .zip(answers)
            .map(|((label, operation), answer)| Call {
                label,
                operation: operation.clone(),
                answer,
            })
            .collect();
        assert!(!calls.iter().any(Call::is_open), "{how}: {calls:#?}");
        play.explain(&calls, self.order, false, how).await;
    }

    fn labelled<'a>(&'a self, play: &Play) -> impl Iterator<Item = (usize, &'a Operation)> {
        (play.next..).zip(&self.at_once)
    }
}

fn rounds() -> u64 {
    std::env::var("RACES")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(3)
}

/// Two sessions; the second (1) was refreshed (2).
pub const TWO: [Operation; 3] = [on(0), on(1), refresh(1)];
/// And a third (3), which reaches the limit; the first is least recently used.
pub const FULL: [Operation; 4] = [on(0), on(1), refresh(1), on(2)];

/// [`TWO`] and a ticket (3).
pub const TICKET: [Operation; 4] = [on(0), on(1), refresh(1), Ticket];
/// [`FULL`] and a ticket (4).
pub const FULL_TICKET: [Operation; 5] = [on(0), on(1), refresh(1), on(2), Ticket];

pub const fn on(device: u8) -> Operation {
    Login {
        device: Some(device),
        password: 0,
    }
}

/// On a new device.
pub const fn redeem(ticket: usize, key: Option<u8>) -> Operation {
    Redeem {
        ticket,
        device: Some(7),
        key,
    }
}

pub const fn refresh(of: usize) -> Operation {
    Refresh { of, key: None }
}

pub const fn refresh_with(of: usize, key: u8) -> Operation {
    Refresh { of, key: Some(key) }
}

pub const fn revoke(by: usize, session: usize) -> Operation {
    Revoke {
        by,
        target: Target::Session(session),
    }
}

/// Gives a device the name 1.
pub const fn rename(by: usize, session: usize) -> Operation {
    Rename {
        by,
        target: Target::Session(session),
        name: Some(1),
    }
}

pub const fn logout_all(by: usize) -> Operation {
    LogoutAll {
        by,
        except_current: false,
    }
}

pub const fn logout_others(by: usize) -> Operation {
    LogoutAll {
        by,
        except_current: true,
    }
}

/// Until this long after the start.
pub const fn wait(seconds: i64) -> Operation {
    Wait {
        until: Millis(4_000_000_000_000 + seconds * 1000),
    }
}

/// Races, each after some operations.
macro_rules! races {
    ($orders:ident: $($name:ident: $before:expr => [$($operation:expr),+];)+) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            Race::new(&$before, &[$($operation),+]).await.$orders().await;
        }
    )+ };
}

races! { every_order:
    refresh_and_refresh_with_one_token: TWO => [refresh(2), refresh(2)];
    refresh_and_refresh_with_two_keys: TWO => [refresh_with(2, 0), refresh_with(2, 1)];
    refresh_and_refresh_with_consecutive_tokens: TWO => [refresh(2), refresh(1)];
    refresh_and_a_replay_of_its_predecessor: [on(0), on(1), refresh(1), wait(60)] => [refresh(2), refresh(1)];
    refresh_and_a_replay_of_an_ancestor: [on(0), on(1), refresh(1), refresh(2)] => [refresh(3), refresh(1)];
    replay_and_replay: [on(0), on(1), refresh(1), wait(60)] => [refresh(1), refresh(1)];
    replay_and_logout: [on(0), on(1), refresh(1), wait(60)] => [refresh(1), Logout(Proof::Access(2))];
    refresh_at_both_endpoints: TWO => [refresh(2), Operation::Token { of: 2, key: None }];
    refresh_and_revocation_by_oauth: TWO => [refresh(2), Operation::RevokeToken { of: 2 }];
    refresh_and_logout: TWO => [refresh(2), Logout(Proof::Refresh(2))];
    refresh_and_its_own_revocation: TWO => [refresh(2), revoke(2, 1)];
    refresh_and_revocation: TWO => [refresh(2), revoke(0, 1)];
    refresh_and_logout_of_all: TWO => [refresh(2), logout_all(0)];
    refresh_and_logout_of_the_others: TWO => [refresh(2), logout_others(0)];
    refresh_and_list: TWO => [refresh(2), List { by: 0 }];
    logout_and_logout: TWO => [Logout(Proof::Access(2)), Logout(Proof::Refresh(2))];
    logout_and_revocation: TWO => [Logout(Proof::Access(2)), revoke(0, 1)];
    logout_and_logout_of_all: TWO => [Logout(Proof::Access(2)), logout_all(0)];
    revocation_and_revocation: FULL => [revoke(0, 1), revoke(3, 1)];
    revocation_of_each_other: TWO => [revoke(0, 1), revoke(2, 0)];
    revocation_and_logout_of_all: TWO => [revoke(0, 1), logout_all(2)];
    revocation_and_logout_of_the_others: FULL => [revoke(0, 1), logout_others(2)];
    rename_and_rename: TWO => [rename(0, 1), Rename { by: 2, target: Target::Session(1), name: Some(2) }];
    rename_and_refresh: TWO => [rename(0, 1), refresh(2)];
    rename_and_revocation: TWO => [rename(0, 1), revoke(2, 1)];
    rename_and_its_callers_revocation: TWO => [rename(0, 1), revoke(2, 0)];
    rename_and_list: TWO => [rename(0, 1), List { by: 2 }];
    revocation_and_list: TWO => [revoke(0, 1), List { by: 2 }];
    logout_of_all_and_logout_of_all: FULL => [logout_all(0), logout_all(2)];
    logout_of_the_others_and_logout_of_the_others: FULL => [logout_others(0), logout_others(2)];
    login_and_login_at_the_limit: FULL => [on(3), on(4)];
    login_and_login_below_the_limit: TWO => [on(3), on(4)];
    login_and_login_on_one_device: FULL => [on(3), on(3)];
    login_and_refresh_of_the_least_recently_used: FULL => [on(3), refresh(0)];
    login_and_refresh_of_another: FULL => [on(3), refresh(2)];
    login_and_refresh_on_one_device: FULL => [on(1), refresh(2)];
    login_and_logout_on_one_device: FULL => [on(1), Logout(Proof::Refresh(2))];
    login_and_logout_of_the_least_recently_used: FULL => [on(3), Logout(Proof::Refresh(0))];
    login_and_logout_of_another: FULL => [on(3), Logout(Proof::Access(2))];
    login_and_revocation_of_the_least_recently_used: FULL => [on(3), revoke(2, 0)];
    login_and_logout_of_all: FULL => [on(3), logout_all(0)];
    login_and_logout_of_the_others: FULL => [on(3), logout_others(2)];
    login_and_replay: [on(0), on(1), refresh(1), on(2), wait(60)] => [on(3), refresh(1)];
    login_and_a_wrong_password: FULL => [on(3), Login { device: None, password: 1 }];
    redemption_and_redemption: TICKET => [redeem(3, None), redeem(3, None)];
    redemption_and_redemption_with_one_key: TICKET => [redeem(3, Some(0)), redeem(3, Some(0))];
    redemption_and_redemption_with_two_keys: TICKET => [redeem(3, Some(0)), redeem(3, Some(1))];
    redemption_and_redemption_of_another_ticket: [on(0), on(1), Ticket, Ticket] => [redeem(2, None), redeem(3, None)];
    redemption_and_login_at_the_limit: FULL_TICKET => [redeem(4, None), on(3)];
    redemption_and_a_new_ticket: TICKET => [redeem(3, None), Ticket];
    redemption_and_the_fifth_ticket: [Ticket, Ticket, Ticket, Ticket] => [redeem(0, None), Ticket];
    redemption_and_logout_of_all: TICKET => [redeem(3, None), logout_all(0)];
    redemption_and_refresh_of_the_least_recently_used: FULL_TICKET => [redeem(4, None), refresh(0)];
    stolen_ticket_and_refresh: [Ticket, redeem(0, Some(0)), wait(40)] => [redeem(0, None), refresh(1)];
    stolen_ticket_and_stolen_ticket: [Ticket, redeem(0, Some(0)), wait(40)] => [redeem(0, None), redeem(0, None)];
    stolen_ticket_and_a_repeat: [Ticket, redeem(0, Some(0)), wait(40)] => [redeem(0, None), redeem(0, Some(0))];
    login_and_cleanup: [on(0), on(1), wait(3500), refresh(1), wait(4000)] => [on(2), Cleanup { by: 3 }];
    cleanup_and_cleanup: [on(0), on(1), wait(3500), refresh(1), wait(3700)] => [Cleanup { by: 3 }, Cleanup { by: 3 }];
    cleanup_and_refresh_of_the_expired: [on(0), on(1), wait(3500), refresh(1), wait(3700)] => [Cleanup { by: 3 }, refresh(0)];
    cleanup_and_refresh_of_the_active: [on(0), on(1), wait(3500), refresh(1), wait(3700)] => [Cleanup { by: 3 }, refresh(3)];
    // One that has just expired would be revoked and then removed by a cleanup whose caller was still logged in when it
    // began: that removes nothing anybody could use, so no transaction forbids it.
    cleanup_and_logout_of_all: [on(0), on(1), wait(3500), refresh(1), wait(4000)] => [Cleanup { by: 3 }, logout_all(3)];
}

// These make many calls, and wait in between for commits to become visible.
races! { some_orders:
    login_and_disabling: TWO => [on(2), Command(Disable)];
    login_and_disabling_at_the_limit: FULL => [on(3), Command(Disable)];
    login_and_a_new_password: TWO => [on(2), Command(SetPassword(1))];
    login_and_deletion: TWO => [on(2), Command(Delete)];
    redemption_and_disabling: TICKET => [redeem(3, None), Command(Disable)];
    redemption_and_a_new_password: TICKET => [redeem(3, None), Command(SetPassword(1))];
    redemption_and_revocation_of_all: TICKET => [redeem(3, None), Command(RevokeAll)];
    redemption_and_deletion: TICKET => [redeem(3, None), Command(Delete)];
    a_ticket_and_disabling: TWO => [Ticket, Command(Disable)];
    a_ticket_and_revocation_of_all: TICKET => [Ticket, Command(RevokeAll)];
    login_and_enabling: [on(0), Command(Disable)] => [on(1), Command(Enable)];
    refresh_and_disabling: TWO => [refresh(2), Command(Disable)];
    refresh_and_a_new_password: TWO => [refresh(2), Command(SetPassword(1))];
    refresh_and_deletion: TWO => [refresh(2), Command(Delete)];
    refresh_and_revocation_by_staff: TWO => [refresh(2), Command(RevokeSession(1))];
    replay_and_deletion: [on(0), on(1), refresh(1), wait(60)] => [refresh(1), Command(Delete)];
    revocation_and_disabling: TWO => [revoke(0, 1), Command(Disable)];
    revocation_and_deletion: TWO => [revoke(0, 1), Command(Delete)];
    logout_of_all_and_a_new_password: TWO => [logout_all(0), Command(SetPassword(1))];
    disabling_and_disabling: TWO => [Command(Disable), Command(Disable)];
    disabling_and_enabling: TWO => [Command(Disable), Command(Enable)];
}

/// The one thing no order explains: a login chooses the session to revoke for the limit from what it read, and keeps
/// that choice while the session is unused, even if another that counted for the limit ended meanwhile. To notice that,
/// each login at the limit would have to check every session of the account in its transaction, and conflict with their
/// refreshes. It shows only if the chosen session itself revoked the other one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_and_revocation_by_the_least_recently_used() {
    let mut race = Race::new(&FULL, &[on(3), revoke(0, 1)]).await;
    race.order = Order::AnyWithEarlyChoices;
    Box::pin(race.every_order()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_at_once() {
    let threes = [
        (TWO.as_slice(), [refresh(2), refresh(2), refresh_with(2, 0)]),
        (&TWO, [refresh(2), revoke(0, 1), logout_all(0)]),
        (&FULL, [on(3), on(4), on(5)]),
        (&FULL, [on(3), refresh(2), logout_others(3)]),
        (&FULL, [on(1), refresh(2), revoke(3, 1)]),
        (&FULL, [logout_others(0), logout_others(2), logout_others(3)]),
        (&FULL, [logout_others(0), logout_all(2), logout_others(3)]),
        (&FULL, [logout_others(0), Logout(Proof::Access(2)), revoke(3, 0)]),
    ];
    for (before, at_once) in threes {
        let mut race = Race::new(before, &at_once).await;
        race.order = Order::AnyWithEarlyChoices;
        Box::pin(race.some_orders()).await;
    }
}
