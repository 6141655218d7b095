//! What goes over HTTP, member by member, a file a topic. With the feature `openapi`, each type is a schema of the API's
//! description as well: its doc comments are what callers read there.

mod activity;
mod discovery;
mod oauth;
#[cfg(feature = "openapi")]
mod requests;
pub(super) mod sessions;
mod tokens;

pub use activity::{Activity, EventView};
pub use discovery::{AuthorizationServer, Jwk, JwkSet};
pub use oauth::{IntrospectedClaims, Introspection, TokenRevoked};
#[cfg(feature = "openapi")]
pub use requests::{
    IntrospectForm, LoginForm, LoginRequest, LogoutAllRequest, LogoutRequest, RefreshForm, RefreshRequest,
    RenameRequest, RevokeTokenForm, TokenForm,
};
pub use sessions::{Done, LoggedOut, SessionView, Sessions};
pub use tokens::{LoggedIn, Tokens, User};
