//! What every function does before its first request.

use shared::{State, runtime::Settings};
use tests::{KeysSecret, World, recorded};

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
    let of_the_api = registry::ALL
        .iter()
        .filter(|function| !function.operations().is_empty());
    for function in of_the_api {
        let state = fresh(&world);
        recorded::by(function.name, state.warm(function.connections)).await;
        assert!(state.keys.cached_set().is_some(), "{}", function.name);
    }
}

#[tokio::test]
async fn a_function_that_signs_reads_the_secret() {
    let (secret, world, _) = KeysSecret::in_use().await;
    let signing = registry::ALL.iter().filter(|function| {
        function.settings.contains(&Settings::SigningKeys) && !function.operations().is_empty()
    });
    for function in signing {
        let signing = shared::SigningState::new(fresh(&world), secret.source());
        recorded::by(function.name, async {
            tokio::join!(signing.issuer.warm(), signing.state.keys.warm(1));
        })
        .await;
        assert!(signing.issuer.cached_signer().is_some(), "{}", function.name);
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
