// Without this file every form is sent by its button, and pages are loaded again by hand.
"use strict";

const FOCUSABLE = "summary, a[href], button, input";

// Of two answers under way the later question counts.
let asked = 0;

async function replace(url, ...ids) {
  const turn = ++asked;
  let page;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(60_000) });
    if (response.ok) page = new DOMParser().parseFromString(await response.text(), "text/html");
  } catch { /* said below */ }
  if (turn !== asked) return;
  document.getElementById("stale").hidden = Boolean(page);
  if (!page) return;
  for (const id of ids) {
    const [here, there] = [document.getElementById(id), page.getElementById(id)];
    if (!there) continue;
    const open = [...here.querySelectorAll("details")].map((each) => each.open);
    const focused = [...here.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
    here.replaceChildren(...there.childNodes);
    here.querySelectorAll("details").forEach((each, at) => { each.open = open[at] || false; });
    if (focused >= 0) here.querySelectorAll(FOCUSABLE)[focused]?.focus({ preventScroll: true });
  }
}

const refresh = document.getElementById("refresh");
if (refresh) {
  refresh.closest("[hidden]").hidden = false;
  const isWanted = () => refresh.checked && !document.hidden && document.getSelection().isCollapsed;
  let isUnderWay = false;
  setInterval(async () => {
    if (isUnderWay || !isWanted()) return;
    isUnderWay = true;
    await replace(location.href, "live");
    isUnderWay = false;
  }, refresh.dataset.seconds * 1000);
}

const explorer = document.getElementById("explorer");
if (explorer) {
  const slider = document.getElementById("slider");
  const number = document.getElementById("limit");
  slider.closest("[hidden]").hidden = false;
  let waiting;
  const show = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const url = "?" + new URLSearchParams(new FormData(explorer));
      history.replaceState(null, "", url);
      replace(url, "result", "said");
    }, 150);
  };
  slider.addEventListener("input", () => { number.value = slider.value; show(); });
  number.addEventListener("input", () => {
    if (!number.value || !number.validity.valid) return;
    slider.value = number.value;
    show();
  });
  const kind = document.getElementById("kind");
  kind.addEventListener("change", () => {
    explorer.elements.was.value = kind.value;
    number.value = slider.value = kind.selectedOptions[0].dataset.limit;
    show();
  });
}
