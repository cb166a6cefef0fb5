// A user in a browser without script: follows our pages by their forms, keeps cookies, stops at the application.

/** Reads the value of a hidden field. */
function hidden(page, name) {
  const field = page.match(new RegExp(`name="${name}" value="([^"]*)"`));
  if (!field) throw new Error(`the page has no field ${name}`);
  return field[1];
}

/** Cookies of one browser. */
class Cookies {
  #kept = new Map();

  keep(response) {
    for (const line of response.headers.getSetCookie()) {
      const [name, value] = line.split(";")[0].split("=");
      this.#kept.set(name, value);
    }
  }

  header() {
    return [...this.#kept].map(([name, value]) => `${name}=${value}`).join("; ");
  }
}

async function fetched(cookies, url, options = {}) {
  const response = await fetch(url, {
    ...options,
    redirect: "manual",
    headers: { cookie: cookies.header(), ...options.headers },
  });
  cookies.keep(response);
  return response;
}

/**
 * Opens the application's authorization URL and logs in.
 * Gives `{ status, location }` of the answer at which the browser leaves our pages or is stuck on one.
 */
export async function logIn(authorizationUrl, { username, password }) {
  const cookies = new Cookies();
  const page = await fetched(cookies, authorizationUrl);
  if (page.status !== 200) return { status: page.status, location: page.headers.get("location") };
  const text = await page.text();
  const form = new URLSearchParams({ session: hidden(text, "session"), username, password });
  const action = new URL(text.match(/<form[^>]* action="([^"]*)"/)[1], authorizationUrl);
  let answer = await fetched(cookies, action, { method: "POST", body: form });
  if (answer.status === 200) {
    // An application that registered itself: the user is asked what it may have.
    const consent = await answer.text();
    const allow = new URLSearchParams({ session: hidden(consent, "session"), decision: "allow" });
    answer = await fetched(cookies, action, { method: "POST", body: allow });
  }
  return { status: answer.status, location: answer.headers.get("location") };
}
