//! Any query is an authentication request that is accepted or refused; what is accepted is bounded.
#![no_main]
use libfuzzer_sys::fuzz_target;
use roger_oidc::provider::memory::MemoryStore;
use roger_oidc::provider::{AuthorizationRequest, Client, ClientDetails, ClientKind};
use roger_oidc::{OauthClientId, RedirectUri, ScopeSet};

fuzz_target!(|data: &[u8]| {
    let Ok(query) = core::str::from_utf8(data) else { return };
    let store = MemoryStore::default();
    let (Ok(id), Ok(uri)) = (OauthClientId::new("a"), RedirectUri::new("a:/")) else { return };
    let scopes = ScopeSet::every_mcptt_scope();
    let client = Client { id, name: String::new(), kind: ClientKind::Public, redirect_uris: vec![uri], scopes, details: ClientDetails::default() };
    if store.add_client(client).is_err() {
        return;
    }
    let _ = AuthorizationRequest::check(query, &store);
    let prefixed = format!("client_id=a&redirect_uri=a:/&{query}");
    if let Ok(request) = AuthorizationRequest::check(&prefixed, &store) {
        assert!(request.parts().scopes.contains("openid"));
        assert!(!request.parts().state.as_str().is_empty());
    }
});
