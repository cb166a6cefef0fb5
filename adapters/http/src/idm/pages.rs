//! The log-in page and the notices; they work without script and on a phone.

use askama::Template;
use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use roger_idm::LoginForm;

/// Where the form goes.
pub(super) const LOGIN_PATH: &str = "/oauth2/login";
/// Where the style sheet is.
pub(super) const STYLE_PATH: &str = "/oauth2/style.css";
/// The style sheet.
pub(super) const STYLE: &str = include_str!("../../templates/style.css");

/// Nothing but our own style sheet, in nobody's frame. `form-action` is left out on purpose: browsers apply it to
/// the redirect after the form as well, and that leads to the application's own scheme.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    style_path: &'a str,
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
    style_path: &'a str,
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
    pub(super) style_path: &'a str,
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
}

/// Shows a page with a form.
pub(super) fn form(status: StatusCode, page: FormPage<'_>) -> Response {
    let page = FormPage {
        style_path: STYLE_PATH,
        ..page
    };
    html(status, page.render())
}

const CODE: Input = Input {
    name: "code",
    label: "Code of your app, or a recovery code",
    kind: "text",
    autocomplete: "one-time-code",
    required: true,
};

/// Asks for the code of the second factor.
pub(super) fn code(
    status: StatusCode,
    login: &LoginForm,
    message: Option<&str>,
    banner: Option<&str>,
) -> Response {
    let page = FormPage {
        title: "Code",
        banner,
        intro: "Type the code that your authenticator app shows.",
        message,
        action: LOGIN_PATH,
        hidden: vec![("session", login.session.expose())],
        inputs: vec![CODE],
        buttons: vec![("code", "Log in")],
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

/// The log-in page with what is to be said above the form.
pub(super) fn login(
    status: StatusCode,
    form: &LoginForm,
    message: Option<&str>,
    banner: Option<&str>,
) -> Response {
    let page = LoginPage {
        style_path: STYLE_PATH,
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
            style_path: STYLE_PATH,
            banner,
            title: "Log-in",
            message,
        }
        .render(),
    )
}

fn html(status: StatusCode, page: Result<String, askama::Error>) -> Response {
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
