// Passkeys on the log-in and account pages. The pages work without it; then there are no passkeys.
"use strict";

const REFUSED = "The passkey was not used. Try again, or log in another way.";
const KNOWN = "This device has a passkey for your account already.";

// Octets travel as base64url.
function octets(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function text(buffer) {
  const binary = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function named(list) {
  return (list ?? []).map((credential) => ({ ...credential, id: octets(credential.id) }));
}

function question({ publicKey }) {
  const asked = { ...publicKey, challenge: octets(publicKey.challenge) };
  if (publicKey.user) asked.user = { ...publicKey.user, id: octets(publicKey.user.id) };
  if (publicKey.allowCredentials) asked.allowCredentials = named(publicKey.allowCredentials);
  if (publicKey.excludeCredentials) asked.excludeCredentials = named(publicKey.excludeCredentials);
  return { publicKey: asked };
}

function answer(credential) {
  const response = {};
  for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[part]) response[part] = text(credential.response[part]);
  }
  const id = text(credential.rawId);
  return JSON.stringify({ id, rawId: id, type: credential.type, response, clientExtensionResults: {} });
}

async function use(button) {
  const { form } = button;
  const kind = button.dataset.passkey;
  if (kind === "create" && !form.reportValidity()) return;
  const message = button.parentElement.querySelector("[role=alert]");
  message.hidden = true;
  button.disabled = true;
  try {
    const asked = question(JSON.parse(button.dataset.options));
    const credential = await navigator.credentials[kind](asked);
    form.elements.passkey.value = answer(credential);
    // Not requestSubmit: name and password may stay empty.
    form.submit();
  } catch (error) {
    message.textContent = error.name === "InvalidStateError" ? KNOWN : REFUSED;
    message.hidden = false;
    button.disabled = false;
  }
}

if (window.PublicKeyCredential) {
  for (const button of document.querySelectorAll("[data-passkey]")) {
    button.closest(".passkey").hidden = false;
    button.addEventListener("click", () => use(button));
  }
}
