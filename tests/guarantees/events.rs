//! Reading the audit trail, page by page.

use shared::domain::{audit::EventType, email::Email, ids::UserId};
use tests::{EMAIL, TestService};

async fn user(service: &TestService) -> UserId {
    let email = Email::parse(EMAIL).unwrap();
    let credential = service.state.store.credential(&email).await.unwrap();
    credential.unwrap().account.user_id
}

#[tokio::test]
async fn a_trail_is_read_newest_first_and_page_by_page() {
    let service = TestService::new().await;
    for device in ["a", "b", "c"] {
        service.log_in(device).await;
        service.clock.advance(1);
    }
    let (user, store) = (user(&service).await, &service.state.store);
    let all = store.events(user, &[], None, 100).await.unwrap();
    let devices: Vec<_> = all
        .events
        .iter()
        .map(|event| event.device_name.as_deref())
        .collect();
    assert_eq!(devices, [Some("c"), Some("b"), Some("a"), None]);
    assert_eq!(all.events[3].event_type, EventType::AccountCreated);
    assert_eq!(all.next, None);

    let first = store.events(user, &[], None, 2).await.unwrap();
    assert_eq!(
        (&first.events[..], first.next),
        (&all.events[..2], Some(all.events[1].id))
    );
    let second = store.events(user, &[], first.next, 2).await.unwrap();
    assert_eq!((&second.events[..], second.next), (&all.events[2..], None));
}
