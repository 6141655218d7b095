//! What every function does before its first request.

use shared::{State, runtime::Settings};
use tests::{KeysSecret, TestService, recorded};

/// The state of a newly started process: without cached keys.
fn fresh(service: &TestService) -> State {
    let client = service.calls.recording(&service.client);
    State::new(
        service.state.config.clone(),
        service.clock.clone(),
        service.state.ids.clone(),
        client,
    )
}

#[tokio::test]
async fn a_function_of_the_api_reads_the_key_set() {
    let service = TestService::new().await;
    let of_the_api = registry::ALL
        .iter()
        .filter(|function| !function.operations().is_empty());
    for function in of_the_api {
        let state = fresh(&service);
        recorded::by(function.name, state.warm(function.connections)).await;
        assert!(state.keys.cached_set().is_some(), "{}", function.name);
    }
}

#[tokio::test]
async fn a_function_that_signs_reads_the_secret() {
    let (secret, service, _) = KeysSecret::in_use().await;
    let signing = registry::ALL.iter().filter(|function| {
        function.settings.contains(&Settings::SigningKeys) && !function.operations().is_empty()
    });
    for function in signing {
        let signing = shared::SigningState::new(fresh(&service), secret.source());
        recorded::by(function.name, async {
            tokio::join!(signing.issuer.warm(), signing.state.keys.warm(1));
        })
        .await;
        assert!(signing.issuer.cached_signer().is_some(), "{}", function.name);
    }
}

#[tokio::test]
async fn a_start_opens_as_many_connections_as_it_is_told_to() {
    let service = TestService::new().await;
    let state = fresh(&service);
    service.calls.meter.take_most_at_once();
    state.warm(3).await;
    assert_eq!(service.calls.meter.take_most_at_once(), 3);
}
