"use strict";

// The tokens are only in this variable, so they are gone when the page is closed or reloaded.
let tokens = null;

const element = (id) => document.getElementById(id);
const ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null, // otherwise a service on the internet would read the description
});

async function send(method, path, body, token) {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message);
  return answer;
}

function report(text, isError = false) {
  element("message").textContent = text;
  element("message").className = isError ? "error" : "";
}

function useTokens(answer) {
  tokens = answer;
  ui.preauthorizeApiKey("bearer", answer.data);
}

function showSession(isLoggedIn) {
  element("login").hidden = isLoggedIn;
  element("session").hidden = !isLoggedIn;
  element("refresh").hidden = !tokens?.refresh_token;
}

function forgetTokens() {
  tokens = null;
  ui.authActions.logout(["bearer"]);
  showSession(false);
}

async function logIn() {
  const form = element("login");
  useTokens(await send("POST", "api/auth", { email: form.email.value, password: form.password.value }));
  form.password.value = "";
  const { data } = await send("GET", "api/auth/me", undefined, tokens.data);
  element("user").textContent = `${data.username} (${data.roles.join(", ") || "no roles"})`;
  showSession(true);
  report("Requests are sent with your access token.");
}

async function refresh() {
  try {
    useTokens(await send("POST", "api/auth/refresh", { refresh_token: tokens.refresh_token }));
    report("Refreshed. The page uses the new access token.");
  } catch (error) {
    forgetTokens();
    throw error;
  }
}

async function logOut() {
  const { data, refresh_token } = tokens;
  forgetTokens();
  if (refresh_token) await send("DELETE", "api/auth", undefined, data);
  report(refresh_token ? "Logged out. The session has ended." : "The page has forgotten the access token.");
}

// One action at a time: a refresh token is single-use.
async function run(action) {
  const buttons = document.querySelectorAll("header button");
  buttons.forEach((button) => { button.disabled = true; });
  try {
    await action();
  } catch (error) {
    report(error.message, true);
  }
  buttons.forEach((button) => { button.disabled = false; });
}

element("login").addEventListener("submit", (event) => {
  event.preventDefault();
  run(logIn);
});
element("refresh").addEventListener("click", () => run(refresh));
element("logout").addEventListener("click", () => run(logOut));
