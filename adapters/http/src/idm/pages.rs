//! The log-in page and the notices; they work without script, but for passkeys, and on a phone.

use super::{account, account_page, log_out};
use askama::Template;
use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use roger_idm::{Asked, LoginForm};

/// Where the form goes.
pub(super) const LOGIN_PATH: &str = "/oauth2/login";
/// Where the style sheet is.
pub(super) const STYLE_PATH: &str = "/oauth2/style.css";
/// The style sheet.
pub(super) const STYLE: &str = include_str!("../../templates/style.css");

/// Where the script for passkeys is.
pub(super) const SCRIPT_PATH: &str = "/oauth2/passkey.js";
/// The script for passkeys, which the pages can do without.
pub(super) const SCRIPT: &str = include_str!("../../templates/passkey.js");

/// Addresses inside pages.
pub(super) struct Paths {
    pub(super) style: &'static str,
    pub(super) script: &'static str,
    pub(super) password: &'static str,
    pub(super) app: &'static str,
    pub(super) remove_app: &'static str,
    pub(super) add_passkey: &'static str,
    pub(super) remove_passkey: &'static str,
    pub(super) end_session: &'static str,
    pub(super) log_out: &'static str,
}

pub(super) const PATHS: Paths = Paths {
    style: STYLE_PATH,
    script: SCRIPT_PATH,
    password: account::PASSWORD_PATH,
    app: account::FACTOR_PATH,
    remove_app: account_page::REMOVE_APP_PATH,
    add_passkey: account_page::ADD_PASSKEY_PATH,
    remove_passkey: account_page::REMOVE_PASSKEY_PATH,
    end_session: account_page::END_SESSION_PATH,
    log_out: log_out::PATH,
};

impl Default for Paths {
    fn default() -> Self {
        PATHS
    }
}

/// Nothing but our own style sheet and script, in nobody's frame. `form-action` is left out on purpose: browsers apply it to
/// the redirect after the form as well, and that leads to the application's own scheme.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    paths: Paths,
    passkey: Option<&'a str>,
    action: &'a str,
    banner: Option<&'a str>,
    client_name: &'a str,
    message: Option<&'a str>,
    session: &'a str,
    username: &'a str,
}

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticePage<'a> {
    paths: Paths,
    is_error: bool,
    banner: Option<&'a str>,
    title: &'a str,
    message: &'a str,
}

/// One visible field of a form.
pub(super) struct Input {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) kind: &'static str,
    pub(super) autocomplete: &'static str,
    pub(super) required: bool,
}

/// A page with a form, or with a text alone when it has no buttons.
#[derive(Template, Default)]
#[template(path = "form.html")]
pub(super) struct FormPage<'a> {
    pub(super) paths: Paths,
    pub(super) title: &'a str,
    pub(super) banner: Option<&'a str>,
    pub(super) intro: &'a str,
    pub(super) message: Option<&'a str>,
    pub(super) list: Vec<&'a str>,
    /// SVG of our own making.
    pub(super) picture: Option<&'a str>,
    pub(super) action: &'a str,
    pub(super) hidden: Vec<(&'a str, &'a str)>,
    pub(super) inputs: Vec<Input>,
    pub(super) buttons: Vec<(&'a str, &'a str)>,
    /// The question to a passkey.
    pub(super) passkey: Option<&'a str>,
    /// Where to go from here.
    pub(super) link: Option<(&'a str, &'a str)>,
}

/// Shows a page with a form.
pub(super) fn form(status: StatusCode, page: FormPage<'_>) -> Response {
    html(status, page.render())
}

const CODE: Input = Input {
    name: "code",
    label: "Code or recovery code",
    kind: "text",
    autocomplete: "one-time-code",
    required: true,
};

/// Asks for the second factor: a code, a passkey, or whichever of both the user likes.
fn second_factor(
    status: StatusCode,
    login: &LoginForm,
    message: Option<&str>,
    banner: Option<&str>,
) -> Response {
    let takes_code = login.asked == Asked::Code;
    let intro = match (takes_code, login.passkey.is_some()) {
        (true, false) => "Type the code that your authenticator app shows.",
        (true, true) => "Type the code that your authenticator app shows, or use your passkey.",
        (false, _) => "Your password was right. Now use your passkey.",
    };
    let page = FormPage {
        title: "Second factor",
        banner,
        intro,
        message,
        action: LOGIN_PATH,
        hidden: vec![("session", login.session.expose())],
        inputs: takes_code.then_some(CODE).into_iter().collect(),
        buttons: takes_code
            .then_some(("code", "Log in"))
            .into_iter()
            .collect(),
        passkey: login.passkey.as_deref(),
        ..FormPage::default()
    };
    form(status, page)
}

/// Asks whether an application may have something.
pub(super) fn consent(login: &LoginForm, purposes: &[&str], banner: Option<&str>) -> Response {
    let intro = format!("{} wants to use:", login.client_name);
    let page = FormPage {
        title: "Allow access",
        banner,
        intro: &intro,
        list: purposes.to_vec(),
        action: LOGIN_PATH,
        hidden: vec![("session", login.session.expose())],
        buttons: vec![("allow", "Allow"), ("deny", "Do not allow")],
        ..FormPage::default()
    };
    form(StatusCode::OK, page)
}

/// The page of a log-in's stage, with what is to be said above the form.
pub(super) fn login(
    status: StatusCode,
    form: &LoginForm,
    message: Option<&str>,
    banner: Option<&str>,
) -> Response {
    if form.asked != Asked::Password {
        return second_factor(status, form, message, banner);
    }
    let page = LoginPage {
        paths: PATHS,
        passkey: form.passkey.as_deref(),
        action: LOGIN_PATH,
        banner,
        client_name: &form.client_name,
        message,
        session: form.session.expose(),
        username: form.login_hint.as_deref().unwrap_or_default(),
    };
    html(status, page.render())
}

/// A page that only says something.
pub(super) fn notice(status: StatusCode, message: &str, banner: Option<&str>) -> Response {
    html(
        status,
        NoticePage {
            paths: PATHS,
            is_error: !status.is_success(),
            banner,
            title: if status.is_success() {
                "Done"
            } else {
                "That did not work"
            },
            message,
        }
        .render(),
    )
}

pub(super) fn html(status: StatusCode, page: Result<String, askama::Error>) -> Response {
    let Ok(page) = page else {
        tracing::error!("a page could not be rendered");
        return answer(
            StatusCode::INTERNAL_SERVER_ERROR,
            "text/plain; charset=utf-8",
            Body::from("internal error"),
        );
    };
    let mut response = answer(status, "text/html; charset=utf-8", Body::from(page));
    let fixed = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// An answer that no cache may keep and no browser may take for another type.
pub(super) fn answer(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let fixed = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("pragma"), "no-cache"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in fixed {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}
