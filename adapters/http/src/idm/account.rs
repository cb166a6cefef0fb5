//! Pages on which users change their password and enrol an authenticator app.

use super::pages::{self, FormPage, Input};
use super::router::{Shared, blocking, busy, form_body, refused, server_error, with_header};
use super::{account_page, cookie};
use crate::system::OsRandom;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::Response;
use qrcode::QrCode;
use qrcode::render::svg;
use roger_idm::{AccountFault, Enrolment, LoginRefusal, RecoveryCodes};
use roger_oidc::{BrowserKey, LoginSessionKey};
use zeroize::Zeroizing;

/// Password change.
pub(super) const PASSWORD_PATH: &str = "/account/password";
/// Second factor: proving oneself.
pub(super) const FACTOR_PATH: &str = "/account/second-factor";
/// Second factor: the first code.
pub(super) const CONFIRM_PATH: &str = "/account/second-factor/confirm";

const BACK: (&str, &str) = (account_page::PATH, "Back to your account");

const fn input(
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    autocomplete: &'static str,
) -> Input {
    Input {
        name,
        label,
        kind,
        autocomplete,
        required: true,
    }
}

const USERNAME: Input = input("username", "User name", "text", "username");
const PASSWORD: Input = input("password", "Password", "password", "current-password");
const OPTIONAL_CODE: Input = Input {
    required: false,
    ..input(
        "code",
        "Code of your app, if you have one",
        "text",
        "one-time-code",
    )
};

pub(super) async fn password_page(State(shared): State<Shared>) -> Response {
    password_form(&shared, StatusCode::OK, None)
}

fn password_form(shared: &Shared, status: StatusCode, message: Option<&str>) -> Response {
    let page = FormPage {
        title: "Change password",
        banner: shared.banner(),
        intro: "Change your password. You will have to log in again everywhere.",
        message,
        action: PASSWORD_PATH,
        inputs: vec![
            USERNAME,
            PASSWORD,
            OPTIONAL_CODE,
            input("new", "New password", "password", "new-password"),
            input("again", "New password again", "password", "new-password"),
        ],
        buttons: vec![("change", "Change password")],
        link: Some(BACK),
        ..FormPage::default()
    };
    pages::form(status, page)
}

pub(super) async fn change_password(State(shared): State<Shared>, request: Request) -> Response {
    let changed = hashed(&shared, request, |front, body, browser| {
        let now = front.clock.now();
        front.idm.change_password(body, browser, now, &mut OsRandom)
    });
    match changed.await {
        Ok(Ok(())) => pages::notice(StatusCode::OK, "Your password is changed.", shared.banner()),
        Ok(Err(fault)) => {
            let (status, message) = told(fault);
            waiting(password_form(&shared, status, Some(&message)), fault)
        }
        Err(response) => *response,
    }
}

pub(super) async fn factor_page(State(shared): State<Shared>) -> Response {
    factor_form(&shared, StatusCode::OK, None)
}

fn factor_form(shared: &Shared, status: StatusCode, message: Option<&str>) -> Response {
    let page = FormPage {
        title: "Authenticator app",
        banner: shared.banner(),
        intro: "Add an authenticator app to your account.",
        message,
        action: FACTOR_PATH,
        inputs: vec![USERNAME, PASSWORD, OPTIONAL_CODE],
        buttons: vec![("begin", "Continue")],
        link: Some(BACK),
        ..FormPage::default()
    };
    pages::form(status, page)
}

pub(super) async fn begin_enrolment(State(shared): State<Shared>, request: Request) -> Response {
    let begun = hashed(&shared, request, |front, body, browser| {
        let now = front.clock.now();
        front.idm.begin_enrolment(body, browser, now, &mut OsRandom)
    });
    match begun.await {
        Ok(Ok(enrolment)) => enrolment_form(&shared, &enrolment),
        Ok(Err(fault)) => {
            let (status, message) = told(fault);
            waiting(factor_form(&shared, status, Some(&message)), fault)
        }
        Err(response) => *response,
    }
}

fn enrolment_form(shared: &Shared, enrolment: &Enrolment) -> Response {
    let Ok(code) = QrCode::new(enrolment.uri.expose()) else {
        return server_error(shared);
    };
    let picture = Zeroizing::new(
        code.render::<svg::Color<'_>>()
            .min_dimensions(200, 200)
            .build(),
    );
    // The XML declaration has no place inside HTML.
    let svg = picture.find("<svg").and_then(|at| picture.get(at..));
    let typed = core::str::from_utf8(enrolment.typed.expose()).unwrap_or_default();
    let key: &LoginSessionKey = &enrolment.key;
    let page = FormPage {
        title: "Authenticator app",
        banner: shared.banner(),
        intro: "Scan this with your authenticator app, or type the key below, then type the code it shows.",
        list: vec![typed],
        picture: svg,
        action: CONFIRM_PATH,
        hidden: vec![("enrolment", key.expose())],
        inputs: vec![input("code", "Code", "text", "one-time-code")],
        buttons: vec![("confirm", "Finish")],
        ..FormPage::default()
    };
    pages::form(StatusCode::OK, page)
}

pub(super) async fn finish_enrolment(State(shared): State<Shared>, request: Request) -> Response {
    let finished = hashed(&shared, request, |front, body, _| {
        let now = front.clock.now();
        front.idm.finish_enrolment(body, now, &mut OsRandom)
    });
    match finished.await {
        Ok(Ok(codes)) => recovery_page(&shared, &codes),
        Ok(Err(fault)) => {
            let (status, message) = told(fault);
            factor_form(&shared, status, Some(&message))
        }
        Err(response) => *response,
    }
}

fn recovery_page(shared: &Shared, codes: &RecoveryCodes) -> Response {
    let page = FormPage {
        title: "Recovery codes",
        banner: shared.banner(),
        intro: "Done. Keep these codes on paper: each lets you in once without your phone. They are not shown again.",
        list: codes.expose().collect(),
        link: Some(BACK),
        ..FormPage::default()
    };
    pages::form(StatusCode::OK, page)
}

pub(super) fn told(fault: AccountFault) -> (StatusCode, String) {
    let (status, message) = match fault {
        AccountFault::Credentials => (
            StatusCode::FORBIDDEN,
            "User name, password or code is wrong.",
        ),
        AccountFault::Wait(_) => (
            StatusCode::TOO_MANY_REQUESTS,
            "Too many attempts. Wait and try again.",
        ),
        AccountFault::Different => (
            StatusCode::BAD_REQUEST,
            "The two new passwords are not the same.",
        ),
        AccountFault::Rules => (
            StatusCode::BAD_REQUEST,
            "Choose a new password that is longer, not your old one, and does not contain your user name.",
        ),
        AccountFault::NoEnrolment => (
            StatusCode::BAD_REQUEST,
            "This page has expired. Begin again.",
        ),
        AccountFault::Code => (StatusCode::FORBIDDEN, "This code is wrong. Begin again."),
        AccountFault::NotFresh => (
            StatusCode::FORBIDDEN,
            "Your log-in is too long ago. Log in again.",
        ),
        AccountFault::Passkey => (
            StatusCode::FORBIDDEN,
            "This passkey was not accepted. Try again.",
        ),
        AccountFault::PresenceOnly => (
            StatusCode::BAD_REQUEST,
            "This key cannot check your finger, face or PIN. Tick the box below the name to use it after your password.",
        ),
        AccountFault::Name => (StatusCode::BAD_REQUEST, "Give the passkey a name."),
        AccountFault::TooMany => (
            StatusCode::BAD_REQUEST,
            "You have as many passkeys as you may have. Remove one first.",
        ),
    };
    (status, message.to_owned())
}

fn waiting(response: Response, fault: AccountFault) -> Response {
    match fault {
        AccountFault::Wait(wait) => {
            with_header(response, RETRY_AFTER, wait.as_secs().max(1).to_string())
        }
        _ => response,
    }
}

/// Reads a form and works on it when its turn to hash has come.
pub(super) async fn hashed<T: Send + 'static>(
    shared: &Shared,
    request: Request,
    work: impl FnOnce(&super::IdmFrontEnd, &str, Option<&BrowserKey>) -> Result<T, LoginRefusal>
    + Send
    + 'static,
) -> Result<T, Box<Response>> {
    let browser = cookie::read_session(request.headers());
    let body = form_body(request)
        .await
        .map_err(|status| pages::notice(status, "The form is malformed.", shared.banner()))?;
    let turn = shared.turn().await.ok_or_else(|| busy(shared))?;
    let front = shared.front.clone();
    let done = blocking(move || {
        let done = work(&front, &body, browser.as_ref());
        drop(turn);
        done
    });
    let done = done.await.ok_or_else(|| server_error(shared))?;
    Ok(done.map_err(|refusal| refused(shared, &refusal))?)
}
