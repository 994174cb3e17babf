// Without this file every form is sent by its button, and pages are loaded again by hand.
"use strict";

async function replace(id, url) {
  const response = await fetch(url);
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const [here, there] = [document.getElementById(id), page.getElementById(id)];
  if (!here || !there) return;
  const open = [...here.querySelectorAll("details")].map((each) => each.open);
  here.replaceChildren(...there.childNodes);
  here.querySelectorAll("details").forEach((each, at) => { each.open = open[at] || false; });
}

const refresh = document.getElementById("refresh");
if (refresh) {
  refresh.closest("[hidden]").hidden = false;
  setInterval(() => { if (refresh.checked && !document.hidden) replace("live", location.href); }, refresh.dataset.seconds * 1000);
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
      replace("result", url);
    }, 150);
  };
  slider.addEventListener("input", () => { number.value = slider.value; show(); });
  number.addEventListener("input", () => { slider.value = number.value; show(); });
}
