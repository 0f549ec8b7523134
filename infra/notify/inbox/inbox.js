// Keeps the page current. Existing messages stay where they are, so that focus,
// scrolling and opened details survive; without this script the page works and
// is refreshed by its link.
const list = document.getElementById("messages");
const count = document.getElementById("count");
const clear = document.getElementById("clear");
let tag = "";

async function refresh() {
  const answer = await fetch(location.href, { cache: "no-store", headers: tag ? { "If-None-Match": tag } : {} });
  if (answer.status !== 200) return;
  tag = answer.headers.get("ETag") || "";
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  const wanted = [...next.getElementById("messages").children];
  const keep = new Set(wanted.map((node) => node.id).filter(Boolean));
  for (const node of [...list.children]) {
    if (!keep.has(node.id)) node.remove();
  }
  let before = list.firstElementChild;
  for (const node of wanted) {
    if (node.id && before && before.id === node.id) {
      before = before.nextElementSibling;
    } else {
      list.insertBefore(document.adoptNode(node), before);
    }
  }
  const text = next.getElementById("count").textContent;
  if (count.textContent !== text) count.textContent = text;
  document.title = next.title;
}

async function loop() {
  try {
    if (!document.hidden) await refresh();
  } catch {
    // The server is restarting; the next turn tries again.
  }
  setTimeout(loop, 2000);
}

clear.hidden = false;
clear.addEventListener("click", async () => {
  await fetch("/dev/inbox.json", { method: "DELETE" });
  await refresh();
});
loop();
