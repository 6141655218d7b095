//! The one list of all functions. Tests, the benchmark, the API's description and the checks of the template iterate
//! over it: whoever adds a function adds it here, and failing tests name what else it needs.

use futures_util::future::BoxFuture;
use shared::{
    SigningState, State,
    http::{Operation, Request, Response},
    runtime::{self, Function},
};

/// Lists the functions: those that answer requests of the API, each with the member of [`Services`] that it works with,
/// and those that are invoked otherwise.
macro_rules! functions {
    (
        api { $($answering:ident: $state:ident,)+ }
        invoked { $($invoked:ident,)+ }
    ) => {
        $(pub use ::$answering;)+
        $(pub use ::$invoked;)+

        /// Every function.
        pub const ALL: &[&Function] = &[$(&$answering::FUNCTION,)+ $(&$invoked::FUNCTION,)+];

        const RESPONDERS: &[(&Function, Respond)] = &[$((&$answering::FUNCTION, |services, request| {
            Box::pin(runtime::respond(
                &$answering::FUNCTION,
                &services.$state,
                request,
                |state, request| Box::pin($answering::handle(state, request)),
            ))
        }),)+];
    };
}

functions! {
    api {
        login: login,
        refresh: signing,
        logout: state,
        logout_all: state,
        list: state,
        activity: state,
        revoke: state,
        cleanup: state,
        jwks: state,
    }
    invoked {
        authorizer,
        admin,
        prune,
        rotate_keys,
    }
}

/// The states that functions of the API work with.
#[derive(Clone)]
pub struct Services {
    /// Of those that need no private key.
    pub state: State,
    /// Of those that sign.
    pub signing: SigningState,
    /// Of `login`.
    pub login: login::LoginState,
}

type Respond = for<'a> fn(&'a Services, Request) -> BoxFuture<'a, Response>;

/// An operation of the API, with the function that answers it.
#[derive(Clone, Copy)]
pub struct Endpoint {
    /// The function.
    pub function: &'static Function,
    /// What is asked of it.
    pub operation: &'static Operation,
    respond: Respond,
}

impl Endpoint {
    /// Answers a request as the deployed function does.
    pub async fn respond(&self, services: &Services, request: Request) -> Response {
        (self.respond)(services, request).await
    }
}

/// Every operation of the API, in the order of the functions.
pub fn endpoints() -> impl Iterator<Item = Endpoint> {
    RESPONDERS.iter().flat_map(|&(function, respond)| {
        let endpoint = move |operation| Endpoint {
            function,
            operation,
            respond,
        };
        function.operations().iter().map(endpoint)
    })
}

/// The endpoint of an operation.
///
/// # Panics
///
/// When no function declares it.
#[must_use]
pub fn endpoint(operation: &Operation) -> Endpoint {
    let mut endpoints = endpoints();
    let found = endpoints.find(|endpoint| endpoint.operation.id == operation.id);
    found.unwrap_or_else(|| panic!("no function of the registry declares {}", operation.id))
}

/// The function of this name.
///
/// # Panics
///
/// When there is none.
#[must_use]
pub fn function(name: &str) -> &'static Function {
    let found = ALL.iter().find(|function| function.name == name);
    found.unwrap_or_else(|| panic!("no function of the registry is called {name}"))
}
