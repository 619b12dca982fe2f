"use strict";
// Small conveniences of the pages. Every page works without this script.
(() => {
  const all = (query) => Array.from(document.querySelectorAll(query));
  const boxes = (name) => all(`input[type="checkbox"][name="${name}"]`);
  const counted = (name) => all(`[data-selected="${name}"]`).forEach((one) => {
    const number = boxes(name).filter((box) => box.checked).length;
    one.placeholder = number ? `${number} ticked` : "";
  });
  for (const one of all("[data-all]")) {
    one.hidden = false;
    one.addEventListener("change", () => { boxes(one.dataset.all).forEach((box) => { box.checked = one.checked; }); counted(one.dataset.all); });
    boxes(one.dataset.all).forEach((box) => box.addEventListener("change", () => counted(one.dataset.all)));
  }
  for (const one of all("[data-copy]")) {
    if (!navigator.clipboard) continue;
    one.hidden = false;
    one.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(one.dataset.copy).textContent);
      one.textContent = "Copied";
    });
  }
  // `/` goes to the first field of a list's filters.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    const field = document.querySelector(".filters input:not([type=hidden]), .filters select");
    if (field) { event.preventDefault(); field.focus(); }
  });
  document.documentElement.dataset.ready = "";
})();
