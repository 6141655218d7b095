//! What every function does before its first request.

use shared::State;
use tests::{Function, KeysSecret, World, recorded};

const ALL: [Function; 9] = [
    Function::Login,
    Function::Refresh,
    Function::Logout,
    Function::LogoutAll,
    Function::List,
    Function::Activity,
    Function::Revoke,
    Function::Cleanup,
    Function::Jwks,
];

/// As a process that was just started has it: without a copy of the keys.
fn fresh(world: &World) -> State {
    let client = world.calls.recording(&world.client);
    State::new(
        world.state.config.clone(),
        world.clock.clone(),
        world.state.ids.clone(),
        client,
    )
}

#[tokio::test]
async fn a_function_of_the_api_reads_the_key_set() {
    let world = World::new().await;
    for function in ALL {
        let state = fresh(&world);
        recorded::by(function.name(), state.keys.warm(1)).await;
        assert!(state.keys.copy().is_some(), "{}", function.name());
    }
}

#[tokio::test]
async fn a_function_that_signs_reads_the_secret() {
    let (secret, world, _) = KeysSecret::in_use().await;
    for function in [Function::Login, Function::Refresh] {
        let signing = shared::SigningState::new(fresh(&world), secret.source());
        recorded::by(function.name(), async {
            tokio::join!(signing.issuer.warm(), signing.state.keys.warm(1));
        })
        .await;
        let keys = signing.state.keys.set().await.unwrap();
        assert!(signing.signers.by(&keys).is_some(), "{}", function.name());
    }
}

#[tokio::test]
async fn a_start_opens_as_many_connections_as_it_is_told_to() {
    let world = World::new().await;
    let state = fresh(&world);
    world.calls.meter.take_most_at_once();
    state.warm(3).await;
    assert_eq!(world.calls.meter.take_most_at_once(), 3);
}
