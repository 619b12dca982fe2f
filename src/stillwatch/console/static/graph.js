"use strict";
// Draws a case's graph on a canvas, part by part as it arrives. Places are computed by the server.
(() => {
  const canvas = document.getElementById("graph"), state = document.getElementById("state");
  const list = document.getElementById("values"), chosen = document.getElementById("chosen");
  const pen = canvas.getContext("2d"), THIN = "\u202f", SIZE = 5000, NEAR = 8, CELL = 24;
  const count = (n) => Math.round(n).toString().replace(/\B(?=(\d{3})+(?!\d))/g, THIN);
  const nodes = { id: [], name: [], x: [], y: [], links: [] };
  let values = [], view = { x: 0, y: 0, scale: 0.28 }, picked = null, over = null, queued = false, cells = new Map(), total = 0;

  const colours = () => {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(name).trim();
    return { ink: of("--ink"), soft: of("--soft"), line: of("--line"), accent: of("--accent"), alarm: of("--alarm"), card: of("--card") };
  };
  const fit = () => {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    view.ratio = ratio;
    draw();
  };
  const place = (x, y) => [canvas.width / 2 + (x - view.x) * view.scale * view.ratio, canvas.height / 2 + (y - view.y) * view.scale * view.ratio];
  const shows = (number, value) => nodes.links[number].includes(value);

  const paint = () => {
    queued = false;
    const c = colours(), least = Math.max(1.5, Math.min(4, 200 / Math.sqrt(nodes.id.length + 1))), size = Math.max(least, Math.min(5, 4 * view.scale)) * view.ratio;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    if (picked !== null || over !== null) {
      pen.strokeStyle = c.accent; pen.globalAlpha = 0.25; pen.lineWidth = view.ratio; pen.beginPath();
      const drawn = (number, value) => { pen.moveTo(...place(nodes.x[number], nodes.y[number])); pen.lineTo(...place(values[value].x, values[value].y)); };
      if (over !== null) nodes.links[over].forEach((value) => drawn(over, value));
      else { const step = Math.max(1, Math.floor(values[picked].accounts / 2000)); for (let n = 0, k = 0; n < nodes.id.length; n += 1) if (shows(n, picked) && (k++ % step) === 0) drawn(n, picked); }
      pen.stroke(); pen.globalAlpha = 1;
    }
    const dots = (colour, wanted) => {
      pen.fillStyle = colour;
      for (let n = 0; n < nodes.id.length; n += 1) {
        if (!wanted(n)) continue;
        const [x, y] = place(nodes.x[n], nodes.y[n]);
        if (x > -9 && y > -9 && x < canvas.width + 9 && y < canvas.height + 9) pen.fillRect(x - size / 2, y - size / 2, size, size);
      }
    };
    if (picked === null) dots(c.accent, () => true);
    else { dots(c.line, (n) => !shows(n, picked)); dots(c.accent, (n) => shows(n, picked)); }
    if (over !== null) dots(c.alarm, (n) => n === over);
    pen.font = `${12 * view.ratio}px system-ui, sans-serif`;
    values.forEach((value, number) => {
      const [x, y] = place(value.x, value.y), radius = (3 + 9 * Math.sqrt(value.accounts / Math.max(total, 1))) * view.ratio;
      pen.fillStyle = number === picked ? c.alarm : c.ink;
      pen.beginPath(); pen.arc(x, y, radius, 0, 7); pen.fill();
      if (number < 12 || number === picked || view.scale > 0.5) {
        pen.textAlign = value.x < 0 ? "right" : "left"; pen.lineWidth = 3 * view.ratio; pen.strokeStyle = c.card;
        const words = value.name.length > 30 ? `${value.name.slice(0, 29)}…` : value.name, at = x + (value.x < 0 ? -1 : 1) * (radius + 4 * view.ratio);
        pen.strokeText(words, at, y + 4 * view.ratio); pen.fillText(words, at, y + 4 * view.ratio);
      }
    });
  };
  function draw() { if (!queued) { queued = true; requestAnimationFrame(paint); } }

  const pick = (number) => {
    picked = picked === number ? null : number;
    Array.from(list.querySelectorAll("button")).forEach((one, n) => one.setAttribute("aria-pressed", String(n === picked)));
    chosen.replaceChildren();
    if (picked !== null) {
      const link = document.createElement("a"), members = document.createElement("a"), line = document.createElement("p");
      link.href = `/indicators/${values[picked].id}`; link.textContent = "Open this value";
      members.href = `/cases/${canvas.dataset.case}/members?indicator=${values[picked].id}`; members.textContent = `its ${count(values[picked].accounts)} accounts here`;
      line.append(link, " · ", members); chosen.append(line);
    }
    draw();
  };
  const listed = () => values.forEach((value, number) => {
    const item = document.createElement("li"), one = document.createElement("button");
    one.type = "button"; one.textContent = `${value.name} · ${count(value.accounts)}`; one.setAttribute("aria-pressed", "false");
    one.addEventListener("click", () => pick(number));
    item.append(one); list.append(item);
  });
  const filed = (from) => {
    for (let n = from; n < nodes.id.length; n += 1) {
      const key = `${Math.floor(nodes.x[n] / CELL)}:${Math.floor(nodes.y[n] / CELL)}`;
      if (cells.has(key)) cells.get(key).push(n); else cells.set(key, [n]);
    }
  };
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left - box.width / 2) / view.scale + view.x, (event.clientY - box.top - box.height / 2) / view.scale + view.y];
  };
  const nearest = (x, y) => {
    let best = null, least = NEAR / view.scale;
    const reach = Math.min(3, Math.ceil(least / CELL)), cx = Math.floor(x / CELL), cy = Math.floor(y / CELL);
    for (let i = -reach; i <= reach; i += 1) for (let j = -reach; j <= reach; j += 1) {
      for (const n of cells.get(`${cx + i}:${cy + j}`) ?? []) {
        const away = Math.hypot(nodes.x[n] - x, nodes.y[n] - y);
        if (away < least) { least = away; best = n; }
      }
    }
    return best;
  };
  const zoom = (factor, x = view.x, y = view.y) => {
    const scale = Math.max(0.05, Math.min(8, view.scale * factor));
    view.x = x - (x - view.x) * view.scale / scale; view.y = y - (y - view.y) * view.scale / scale; view.scale = scale;
    draw();
  };
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => { drag = { x: event.clientX, y: event.clientY, moved: 0 }; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    if (drag) {
      const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
      view.x -= dx / view.scale; view.y -= dy / view.scale;
      drag = { x: event.clientX, y: event.clientY, moved: drag.moved + Math.abs(dx) + Math.abs(dy) };
      draw();
      return;
    }
    const now = nearest(...at(event));
    if (now !== over) { over = now; canvas.title = over === null ? "" : nodes.name[over] ?? `account ${nodes.id[over]}`; draw(); }
  });
  canvas.addEventListener("pointerup", (event) => {
    const still = drag && drag.moved < 4;
    drag = null;
    const node = still ? nearest(...at(event)) : null;
    if (node !== null) window.location.href = `/accounts/${nodes.id[node]}`;
  });
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, ...at(event)); }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const step = 60 / view.scale, moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (moves[event.key]) { view.x += moves[event.key][0]; view.y += moves[event.key][1]; draw(); }
    else if (event.key === "+" || event.key === "=") zoom(1.3);
    else if (event.key === "-") zoom(1 / 1.3);
    else return;
    event.preventDefault();
  });
  window.addEventListener("resize", fit);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

  const load = async () => {
    const began = performance.now();
    for (let start = 0; start !== null;) {
      const answer = await fetch(`/api/v1/cases/${canvas.dataset.case}/graph?start=${start}&limit=${SIZE}`, { credentials: "same-origin" });
      if (!answer.ok) { state.textContent = "The graph cannot be loaded."; return; }
      const part = await answer.json();
      if (part.values) { values = part.values; total = part.total; listed(); view.scale = Math.min(canvas.clientWidth, canvas.clientHeight) / 2450; }
      const from = nodes.id.length;
      for (const [mine, theirs] of [["id", "accounts"], ["x", "x"], ["y", "y"], ["links", "links"], ["name", "names"]]) for (const one of part[theirs] ?? []) nodes[mine].push(one);
      filed(from);
      draw();
      state.textContent = `${count(nodes.id.length)} of ${count(total)} accounts, ${values.length} values.`;
      start = part.next;
    }
    canvas.dataset.loaded = String(Math.round(performance.now() - began));
  };
  document.getElementById("without").remove();
  fit();
  load();
})();
