//! Clients with their redirect URIs.

use crate::bench::{Bench, digest, on_both};
use roger_oidc::provider::{
    ApplicationType, Client, ClientDetails, ClientKind, ClientRepository, ConsentPolicy,
};
use roger_oidc::{ClientSecret, OauthClientId, RedirectUri, ScopeSet};

fn clients_come_back_with_every_redirect_uri(bench: &mut Bench) {
    let secret = ClientSecret::random(&mut bench.random).unwrap();
    let mut client = Client {
        id: OauthClientId::new("app").unwrap(),
        name: "Roger".to_owned(),
        kind: ClientKind::Confidential {
            secret: secret.digest(),
        },
        redirect_uris: vec![
            RedirectUri::new("a:/1").unwrap(),
            RedirectUri::new("a:/2").unwrap(),
        ],
        scopes: ScopeSet::every_mcptt_scope(),
        details: ClientDetails {
            consent: ConsentPolicy::Ask,
            application: ApplicationType::Web,
            post_logout_redirect_uris: vec![RedirectUri::new("a:/bye").unwrap()],
            registration_token: Some(digest("registration")),
        },
    };
    bench.open().put_client(&client).unwrap();
    let store = bench.open();
    assert_eq!(store.client(&client.id).unwrap(), Some(client.clone()));
    client.redirect_uris.pop();
    client.kind = ClientKind::Public;
    client.details = ClientDetails::default();
    store.put_client(&client).unwrap();
    assert_eq!(store.client(&client.id).unwrap(), Some(client));
    assert_eq!(
        store
            .client(&OauthClientId::new("nobody").unwrap())
            .unwrap(),
        None
    );
}

on_both!(clients_come_back_with_every_redirect_uri);
