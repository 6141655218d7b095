//! `GET /.well-known/jwks.json`.

use tests::{Event, Function::Jwks, World};

#[tokio::test]
async fn the_public_keys_are_a_jwk_set_that_may_be_cached() {
    let world = World::new().await;
    let answer = world.send(Jwks, Event::file("jwks/jwks")).await;
    assert_eq!(answer.headers["cache-control"], "public, max-age=300");
    let body = answer.ok();
    let keys = body["keys"].as_array().unwrap();
    let kids: Vec<_> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(
        kids,
        [&world.keys.current.public().kid, &world.keys.next.public().kid]
    );
    for key in keys {
        assert_eq!(
            (key["kty"].as_str(), key["crv"].as_str(), key["alg"].as_str()),
            (Some("EC"), Some("P-256"), Some("ES256"))
        );
        assert!(key["d"].is_null());
    }
}
