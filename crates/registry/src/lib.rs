//! The only list of all functions. Tests, the benchmark, the API's description and the template checks iterate over it:
//! a new function is added here, and failing tests name what else it needs.

use futures_util::future::BoxFuture;
use shared::{
    State,
    http::{Operation, Request, Response},
    runtime::{self, Function},
};

/// Lists the functions: those that answer API requests, each with its member of [`Services`], and those that are
/// invoked in other ways.
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
                &services.state.config,
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
        refresh: refresh,
        logout: state,
        logout_all: state,
        list: state,
        activity: state,
        rename: state,
        revoke: state,
        cleanup: state,
        introspection: introspection,
        jwks: state,
    }
    invoked {
        authorizer,
        admin,
        prune,
        rotate_keys,
        ticket,
    }
}

/// The states that the API's functions work with.
#[derive(Clone)]
pub struct Services {
    /// For functions that need no private key.
    pub state: State,
    /// For `refresh`.
    pub refresh: refresh::RefreshState,
    /// For `login`.
    pub login: login::LoginState,
    /// For `introspection`.
    pub introspection: introspection::IntrospectionState,
}

type Respond = for<'a> fn(&'a Services, Request) -> BoxFuture<'a, Response>;

/// An operation of the API with the function that answers it.
#[derive(Clone, Copy)]
pub struct Endpoint {
    /// The function.
    pub function: &'static Function,
    /// The operation.
    pub operation: &'static Operation,
    respond: Respond,
}

impl Endpoint {
    /// Answers a request like the deployed function.
    pub async fn respond(&self, services: &Services, request: Request) -> Response {
        (self.respond)(services, request).await
    }
}

/// Every operation of the API, in the functions' order.
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

/// Returns the endpoint of an operation.
///
/// # Panics
///
/// If no function declares it.
#[must_use]
pub fn endpoint(operation: &Operation) -> Endpoint {
    let mut endpoints = endpoints();
    let found = endpoints.find(|endpoint| endpoint.operation.id == operation.id);
    found.unwrap_or_else(|| panic!("no function of the registry declares {}", operation.id))
}

/// Returns the function of this name.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn function(name: &str) -> &'static Function {
    let found = ALL.iter().find(|function| function.name == name);
    found.unwrap_or_else(|| panic!("no function of the registry is called {name}"))
}
