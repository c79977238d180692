// Fetches the changing part of a page again and again, and replaces what has changed in it. Focus, scroll and what is selected stay.
"use strict";

const live = document.getElementById("live");
const pause = document.getElementById("pause");
const trouble = document.getElementById("trouble");
let timer = 0;
let paused = false;
let busy = false;

function schedule() {
  clearTimeout(timer);
  if (!paused && !document.hidden) timer = setTimeout(refresh, 1000 * live.dataset.every);
}

async function refresh() {
  if (busy) return;
  busy = true;
  try {
    const answer = await fetch(live.dataset.from, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(10000) });
    if (answer.headers.get("X-Part") !== "live") {
      tell(answer.status === 401 || answer.redirected ? "You are not logged in any more. Reload the page to log in." : "The answer was not understood. Reload the page.");
      paused = true;
      return;
    }
    const part = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
    if (answer.ok && part.dataset.page !== live.dataset.page) location.reload();
    else if (answer.ok) show(part);
    else tell(part.dataset.answer + ". It is tried again.");
  } catch {
    tell("The server does not answer. It is tried again.");
  } finally {
    busy = false;
    schedule();
  }
}

// show takes over the sections that differ, and what there is to say about them.
function show(part) {
  const seen = new Set();
  let last = null;
  for (const fresh of part.querySelectorAll(":scope > section")) {
    seen.add(fresh.id);
    let old = fresh.id && live.querySelector(":scope > #" + CSS.escape(fresh.id));
    if (!old) {
      if (last) last.after(fresh); else live.prepend(fresh);
      last = fresh;
      continue;
    }
    last = replace(old, fresh);
  }
  for (const old of live.querySelectorAll(":scope > section")) if (!seen.has(old.id)) old.remove();
  const updated = document.getElementById("updated");
  updated.textContent = part.dataset.clock;
  updated.dateTime = part.dataset.utc;
  live.dataset.every = part.dataset.every;
  live.classList.remove("stale");
  trouble.hidden = true;
  if (part.dataset.answer && part.dataset.answer !== live.dataset.answer) {
    live.dataset.answer = part.dataset.answer;
    document.title = part.dataset.answer + " · hpplink";
    document.getElementById("said").textContent = (document.getElementById("verdict-says") || document.querySelector("h1"))?.textContent || part.dataset.answer;
  }
}

const reachable = "a[href], button, input, summary";

function replace(old, fresh) {
  if (old.outerHTML === fresh.outerHTML || isSelected(old)) return old;
  const at = [...old.querySelectorAll(reachable)].indexOf(document.activeElement);
  const href = at >= 0 ? document.activeElement.getAttribute("href") : null;
  old.replaceWith(fresh);
  if (at >= 0) {
    const now = [...fresh.querySelectorAll(reachable)];
    const same = now[at]?.getAttribute("href") === href ? now[at] : now.find((e) => href && e.getAttribute("href") === href) || now[at];
    same?.focus({ preventScroll: true });
  }
  return fresh;
}

function isSelected(section) {
  const selection = getSelection();
  return selection.rangeCount > 0 && !selection.isCollapsed && selection.getRangeAt(0).intersectsNode(section);
}

function tell(what) {
  const words = what + " What is shown is of " + document.getElementById("updated").textContent + ".";
  if (trouble.textContent !== words) trouble.textContent = words;
  trouble.hidden = false;
  live.classList.add("stale");
}

if (live?.dataset.from) {
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    paused ? clearTimeout(timer) : refresh();
  });
  document.addEventListener("visibilitychange", () => {
    document.hidden || paused ? clearTimeout(timer) : refresh();
  });
  schedule();
}
