//! A store on either database.

use roger_adapter_store::{KmsStore, Store, StoreFault, StoreKey};
use roger_base::{GroupId, KmsUri, McpttId, Secret, UnixTime};
use roger_gms::GroupKeyRecord;
use roger_idm::{Failures, LoginName, Password, PasswordHash, User, UserState};
use roger_keys::Gmk;
use roger_oidc::provider::{CodeGrant, RefreshGrant};
use roger_oidc::{
    Acr, Amr, CodeChallenge, CodeVerifier, GrantId, Nonce, OauthClientId, OtherServiceIds,
    RedirectUri, ScopeSet, SessionId, Subject, TokenDigest,
};
use roger_testkit::{Postgres, SeededRandom};
use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

pub(crate) const NOW: UnixTime = UnixTime(1_760_000_000);

/// Where a store rests, with a folder of its own.
pub(crate) struct Bench {
    pub(crate) directory: TempDir,
    pub(crate) random: SeededRandom,
    /// The server with the URL of a database of its own; none for SQLite.
    server: Option<(Arc<Postgres>, String)>,
}

/// Functions that take a [`Bench`] as tests, once on either database.
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $test() {
                super::$test(&mut crate::bench::Bench::sqlite());
            })+
        }

        mod postgres {
            $(#[test]
            fn $test() {
                if let Some(mut bench) = crate::bench::Bench::postgres() {
                    super::$test(&mut bench);
                }
            })+
        }
    };
}
pub(crate) use on_both;

impl Bench {
    pub(crate) fn sqlite() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            random: SeededRandom::new(5),
            server: None,
        }
    }

    /// None where there is no PostgreSQL.
    pub(crate) fn postgres() -> Option<Self> {
        let server = Postgres::shared()?;
        let url = server.database();
        Some(Self {
            server: Some((server, url)),
            ..Self::sqlite()
        })
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("roger.sqlite")
    }

    /// The server and the URL, of a bench that is one of PostgreSQL.
    pub(crate) fn server(&self) -> (&Postgres, &str) {
        let (server, url) = self.server.as_ref().unwrap();
        (server, url)
    }

    pub(crate) fn open(&self) -> Store {
        self.open_with(&key(1)).unwrap()
    }

    pub(crate) fn open_with(&self, key: &StoreKey) -> Result<Store, StoreFault> {
        match &self.server {
            None => Store::open(&self.path(), key),
            Some((_, url)) => Store::connect(url, key),
        }
    }

    /// Everything that rests in the database: all files with the write-ahead log, or a dump, which has octets in
    /// hexadecimal, with the log of the server, which has every value of every statement.
    pub(crate) fn at_rest(&self) -> Vec<u8> {
        if let Some((server, url)) = &self.server {
            return [server.dump(url), server.log()].concat().into_bytes();
        }
        let files = std::fs::read_dir(self.directory.path()).unwrap();
        files
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect()
    }

    /// Changes rows behind the back of the store; how many.
    pub(crate) fn tamper(&self, statement: &'static str) -> u64 {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(async {
            match &self.server {
                None => {
                    let file = format!("sqlite://{}", self.path().display());
                    let mut connection = SqliteConnection::connect(&file).await.unwrap();
                    let done = connection.execute(statement).await;
                    done.unwrap().rows_affected()
                }
                Some((_, url)) => {
                    let mut connection = PgConnection::connect(url).await.unwrap();
                    let done = connection.execute(statement).await;
                    done.unwrap().rows_affected()
                }
            }
        })
    }
}

/// The part of the KMS domain of most tests.
pub(crate) fn kms(store: &Store) -> KmsStore {
    store.kms(&KmsUri::new("kms.example.org").unwrap())
}

/// A user with the password "secret".
pub(crate) fn user(name: &str, random: &mut SeededRandom) -> User {
    User {
        subject: Subject::new(format!("subject-of-{name}")).unwrap(),
        login: LoginName::new(name).unwrap(),
        password: PasswordHash::of(&Password::new("secret").unwrap(), random).unwrap(),
        mcptt_id: McpttId::new(format!("sip:{name}@mcptt.example.org")).unwrap(),
        others: OtherServiceIds::default(),
        entitlement: ScopeSet::every_mcptt_scope(),
        state: UserState::Enabled,
        failures: Failures::default(),
    }
}

/// A grant behind a code that lives for a minute.
pub(crate) fn code_grant(grant: &str) -> CodeGrant {
    let verifier = CodeVerifier::new("v".repeat(43)).unwrap();
    CodeGrant {
        grant: GrantId::new(grant).unwrap(),
        client_id: OauthClientId::new("app").unwrap(),
        redirect_uri: RedirectUri::new("org.example.mcptt:/cb").unwrap(),
        challenge: CodeChallenge::of(&verifier),
        subject: Subject::new("s").unwrap(),
        scopes: ScopeSet::parse("openid 3gpp:mc:ptt_service").unwrap(),
        nonce: Some(Nonce::new("n").unwrap()),
        authenticated_at: NOW,
        acr: Acr::password(),
        amr: Amr::PasswordAndCode,
        session: Some(SessionId::new("sid").unwrap()),
        expires_at: UnixTime(NOW.0 + 60),
    }
}

/// A grant behind a refresh token that lives for a day.
pub(crate) fn refresh_grant(grant: &str) -> RefreshGrant {
    let code = code_grant(grant);
    RefreshGrant {
        grant: code.grant,
        client_id: code.client_id,
        subject: code.subject,
        scopes: code.scopes,
        authenticated_at: code.authenticated_at,
        acr: code.acr,
        amr: code.amr,
        session: code.session,
        expires_at: UnixTime(NOW.0 + 86_400),
    }
}

/// Of a code or token that is a text.
pub(crate) fn digest(text: &str) -> TokenDigest {
    TokenDigest::of(text.as_bytes())
}

/// A key of a group that lives for a day.
pub(crate) fn group_key(random: &mut SeededRandom) -> GroupKeyRecord {
    GroupKeyRecord {
        gmk: Gmk::random(random).unwrap(),
        group: GroupId::new("sip:fire-1@mcptt.example.org").unwrap(),
        activation: NOW,
        expiry: Some(UnixTime(NOW.0 + 86_400)),
        revoke_at: None,
        revoked: false,
    }
}

/// The key of a store.
pub(crate) fn key(octet: u8) -> StoreKey {
    StoreKey::new(Secret::new([octet; 32]))
}
