// The OP iframe of OpenID Connect Session Management 1.0, section 3.2. A frame of the app asks with "client_id session_state", and is
// told whether the browser's sign-in is still the one that the app knows.
const cookie = `${document.currentScript.dataset.cookie}=`;

async function judge(data, origin) {
  const words = typeof data === "string" ? data.split(" ") : [];
  const [client, state] = words;
  const [hash, salt, ...more] = (state ?? "").split(".");
  if (words.length !== 2 || !client || !hash || !salt || more.length > 0) return "error";
  const mine = document.cookie.split("; ").find((c) => c.startsWith(cookie))?.slice(cookie.length) ?? "";
  const bytes = new TextEncoder().encode([client, origin, mine, salt].join(" "));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const now = btoa(String.fromCharCode(...digest)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return now === hash ? "unchanged" : "changed";
}

addEventListener("message", async ({ data, origin, source }) => {
  if (!source || origin === "null") return;
  const answer = await judge(data, origin).catch(() => "error");
  source.postMessage(answer, origin);
});
