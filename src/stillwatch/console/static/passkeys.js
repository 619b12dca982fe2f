"use strict";
// Registration of a passkey and sign-in by one, where the browser can do it (Web Authentication Level 3, JSON forms).
(() => {
  const keys = window.PublicKeyCredential;
  if (!keys || !keys.parseCreationOptionsFromJSON || !keys.parseRequestOptionsFromJSON) return;
  const csrf = document.querySelector("input[name=csrf]");
  const send = async (path, body) => {
    const headers = { "Content-Type": "application/json" };
    if (csrf) headers["X-CSRF-Token"] = csrf.value;
    const answer = await fetch(`/passkeys/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    const told = await answer.json();
    if (!answer.ok) throw new Error(`${told.title}${told.detail ? `: ${told.detail}` : ""}`);
    return told;
  };
  const register = async (part) => {
    const setup = part.dataset.setup || "";
    const field = part.querySelector("input");
    const publicKey = keys.parseCreationOptionsFromJSON(await send("begin", { setup }));
    const made = await navigator.credentials.create({ publicKey });
    return send("end", { setup: Boolean(setup), name: field ? field.value : "", answer: made.toJSON() });
  };
  const signIn = async () => {
    const publicKey = keys.parseRequestOptionsFromJSON(await send("begin-sign-in", {}));
    const found = await navigator.credentials.get({ publicKey });
    return send("end-sign-in", { answer: found.toJSON() });
  };
  for (const part of document.querySelectorAll("[data-passkeys]")) {
    part.hidden = false;
    const button = part.querySelector("button"), fault = part.querySelector("[role=alert]");
    button.addEventListener("click", async () => {
      button.disabled = true;
      fault.hidden = true;
      try {
        const done = await (part.dataset.passkeys === "sign-in" ? signIn() : register(part));
        location.assign(part.dataset.then || done.then);
      } catch (error) {
        const stopped = error instanceof DOMException;
        const held = error.name === "InvalidStateError";
        fault.textContent = held ? "This authenticator has a passkey of yours already." : stopped ? "No passkey was given." : `${error.message}.`;
        fault.hidden = false;
        button.disabled = false;
      }
    });
  }
})();
