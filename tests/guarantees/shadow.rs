//! A phone that sends Idempotency-Keys, a second process of its app, and a thief who copies its tokens but never a key.
//!
//! Tries everything that they can do in six steps on the model, which `sequences` and `races` hold against the service,
//! and everything in three steps on the service itself.

use shared::domain::clock::Millis;

use crate::guarantees::model::{
    ModelRun,
    operations::{Label, Operation, Outcome},
    state::{Model, Rules},
};

const STEPS_OF_THE_MODEL: usize = 6;
const STEPS_OF_THE_SERVICE: usize = 3;

const START: Millis = Millis(4_000_000_000_000);

/// What can happen next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The phone refreshes.
    Refresh,
    /// The phone refreshes, and the answer is lost.
    LoseAnswer,
    /// The second process reads the store, where the phone keeps its token, but not the key of a refresh under way.
    ReadStore,
    /// The second process refreshes, with a key of its own.
    RefreshBeside,
    /// The thief copies the phone's token.
    Steal,
    /// The thief refreshes, without a key.
    Shadow,
    /// The thief refreshes, with a key of his own.
    ShadowWithKey,
    /// Some seconds pass.
    WaitBriefly,
    /// The window passes.
    WaitLong,
}

const ALL: [Step; 9] = [
    Step::Refresh,
    Step::LoseAnswer,
    Step::ReadStore,
    Step::RefreshBeside,
    Step::Steal,
    Step::Shadow,
    Step::ShadowWithKey,
    Step::WaitBriefly,
    Step::WaitLong,
];

/// Who exchanged the previous token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Party {
    Phone,
    Thief,
}

/// A token, by the operation that returned it, and the key of a refresh whose answer has not arrived.
#[derive(Clone, Copy, Debug)]
struct Held {
    token: Label,
    key: Option<u8>,
}

#[derive(Clone)]
struct Scene {
    model: Model,
    /// What happened, for the service.
    operations: Vec<Operation>,
    store: Held,
    beside: Option<Held>,
    stolen: Option<Label>,
    rotated_by: Party,
    next_key: u8,
}

impl Scene {
    /// After the login.
    fn new() -> Self {
        let model = Model::new(Rules::SHORT, START, START.seconds().plus(900));
        let login = Operation::Login {
            device: None,
            password: 0,
        };
        let mut scene = Self {
            model,
            operations: Vec::new(),
            store: Held { token: 0, key: None },
            beside: None,
            stolen: None,
            rotated_by: Party::Phone,
            next_key: 0,
        };
        scene.perform(login);
        scene
    }

    /// As [`crate::guarantees::model::Play`] does.
    fn perform(&mut self, operation: Operation) -> Outcome {
        let outcome = self.model.step(self.operations.len(), &operation);
        self.operations.push(operation);
        self.model.now.0 += 1;
        outcome
    }

    /// Takes a step; `None` if it cannot be taken.
    fn after(&self, step: Step) -> Option<Self> {
        let mut scene = self.clone();
        match step {
            Step::Refresh => {
                let held = scene.store;
                scene.store = scene.refresh_honestly(held);
            }
            Step::LoseAnswer => {
                let key = scene.store.key.unwrap_or_else(|| scene.new_key());
                let held = Held {
                    key: Some(key),
                    ..scene.store
                };
                scene.refresh_honestly(held);
                scene.store = held;
            }
            Step::ReadStore => {
                scene.beside = Some(Held {
                    key: None,
                    ..scene.store
                });
            }
            Step::RefreshBeside => {
                let held = scene.beside?;
                let answered = scene.refresh_honestly(held);
                if answered.token != held.token {
                    scene.store = answered;
                }
                let newer = scene.store.token != held.token;
                scene.beside = Some(if newer {
                    Held {
                        key: None,
                        ..scene.store
                    }
                } else {
                    answered
                });
            }
            Step::Steal => scene.stolen = Some(scene.store.token),
            Step::Shadow => scene.refresh_as_thief(None)?,
            Step::ShadowWithKey => {
                let key = scene.new_key();
                scene.refresh_as_thief(Some(key))?;
            }
            Step::WaitBriefly => scene.wait(5),
            Step::WaitLong => scene.wait(Rules::SHORT.grace + 1),
        }
        Some(scene)
    }

    /// Refreshes by the rules of docs/mobile.md. Returns what is held then.
    fn refresh_honestly(&mut self, held: Held) -> Held {
        let key = held.key.unwrap_or_else(|| self.new_key());
        let label = self.operations.len();
        let rotates = self.is_current(held.token);
        let request = Operation::Refresh {
            of: held.token,
            key: Some(key),
        };
        match self.perform(request.clone()) {
            Outcome::Tokens { .. } => {
                if rotates {
                    self.rotated_by = Party::Phone;
                }
                Held {
                    token: label,
                    key: None,
                }
            }
            Outcome::Refused(409, "refresh_conflict") => {
                self.assert_next_answer_is_final(&request);
                Held {
                    key: Some(key),
                    ..held
                }
            }
            Outcome::Refused(401, _) => {
                self.assert_session_is_over();
                held
            }
            other => panic!("a phone was answered {other:?}: {:#?}", self.operations),
        }
    }

    fn refresh_as_thief(&mut self, key: Option<u8>) -> Option<()> {
        let (of, label) = (self.stolen?, self.operations.len());
        let rotates = self.is_current(of);
        match self.perform(Operation::Refresh { of, key }) {
            Outcome::Tokens { .. } => {
                assert!(
                    rotates || self.rotated_by == Party::Thief,
                    "the thief got a token from a refresh of the phone: {:#?}",
                    self.operations
                );
                self.rotated_by = Party::Thief;
                self.stolen = Some(label);
            }
            Outcome::Refused(409, "refresh_conflict") => {}
            Outcome::Refused(401, _) => self.assert_session_is_over(),
            other => panic!("the thief was answered {other:?}: {:#?}", self.operations),
        }
        Some(())
    }

    /// Nobody is in conflict for longer than the window: the repeat after it gets tokens, or nobody has the session.
    fn assert_next_answer_is_final(&self, request: &Operation) {
        let mut later = self.clone();
        later.wait(Rules::SHORT.grace);
        match later.perform(request.clone()) {
            Outcome::Tokens { .. } => {}
            Outcome::Refused(401, _) => later.assert_session_is_over(),
            other => panic!("the second answer was {other:?}: {:#?}", later.operations),
        }
    }

    /// Whoever is shut out, nobody else keeps the session.
    fn assert_session_is_over(&self) {
        let active = self.model.active();
        assert!(active.is_empty(), "the session goes on: {:#?}", self.operations);
    }

    fn is_current(&self, token: Label) -> bool {
        let issued = self.model.issued[&token];
        let session = self.model.sessions.get(&issued.session);
        session
            .is_some_and(|session| self.model.is_active(session) && session.generation == issued.generation)
    }

    fn new_key(&mut self) -> u8 {
        self.next_key += 1;
        self.next_key
    }

    fn wait(&mut self, seconds: i64) {
        let until = Millis(self.model.now.0 + seconds * 1000);
        self.perform(Operation::Wait { until });
    }
}

/// Calls `visit` with every scene of `steps` steps. Returns how many there are.
fn explore(scene: &Scene, steps: usize, visit: &mut impl FnMut(&Scene)) -> usize {
    if steps == 0 {
        visit(scene);
        return 1;
    }
    let next = ALL.iter().filter_map(|step| scene.after(*step));
    next.map(|scene| explore(&scene, steps - 1, visit)).sum()
}

#[test]
fn a_thief_without_the_key_gets_nothing_from_a_phone_and_keeps_no_session_from_it() {
    let (mut taken, mut ended) = (0, 0);
    let scenes = explore(&Scene::new(), STEPS_OF_THE_MODEL, &mut |scene| {
        taken += usize::from(scene.rotated_by == Party::Thief);
        ended += usize::from(scene.model.active().is_empty());
    });
    // Thieves who are first, and sessions that end, are among them.
    assert!(
        scenes > 100_000 && taken > 1000 && ended > 1000,
        "{scenes}, {taken}, {ended}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_answers_phone_and_thief_as_the_model() {
    let stage = ModelRun::new(Rules::SHORT).await;
    let mut scenes = Vec::new();
    explore(&Scene::new(), STEPS_OF_THE_SERVICE, &mut |scene| {
        scenes.push(scene.operations.clone());
    });
    for operations in &scenes {
        stage.play(operations).await;
    }
    assert!(scenes.len() > 100);
}
