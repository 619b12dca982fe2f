"use strict";
// The page's script: sorting, search, filters, selection, export, account panels, brushing of time, links into the page, keys.
// It fetches nothing. What strangers chose is set as text, never as markup.
(() => {
  const THIN = "\u202f", ROW = 36, MARGIN = 8, HOUR = 3600, DAY = 86400;
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const all = (root, query) => Array.from(root.querySelectorAll(query));
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  // ------------------------------------------------------------------------------------------ words
  // The same forms as `wording.py` and `foreign.py` write.
  const count = (n) => Math.round(n).toString().replace(/\B(?=(\d{3})+(?!\d))/g, THIN);
  const counted = (n, noun) => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
  const percent = (p) => (p > 0.9995 && p < 1 ? `> 99.9${THIN}%` : `${(p * 100).toFixed(p >= 0.1 && p < 0.99 ? 0 : 1).replace(/\.0$/, "")}${THIN}%`);
  const spaced = (name) => name.replaceAll("_", " ");
  const two = (n) => String(n).padStart(2, "0");
  const day = (seconds) => { const at = new Date(seconds * 1000); return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`; };
  const moment = (seconds) => { const at = new Date(seconds * 1000); return `${day(seconds)}, ${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`; };
  const iso = (seconds) => (seconds ? new Date(seconds * 1000).toISOString().replace(".000Z", "Z") : null);
  const visible = (text, most = 80) => {
    const some = text.length > most ? `${text.slice(0, Math.floor(most * 2 / 3))}…${text.slice(-Math.floor(most / 3))}` : text;
    return some.replace(/[\p{C}\p{Z}]/gu, (letter) => {
      if (letter === " " || letter === THIN) return letter;
      const code = letter.codePointAt(0).toString(16);
      return letter.codePointAt(0) > 255 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
    });
  };

  // --------------------------------------------------------------------------------------- elements
  const make = (tag, given = {}, ...inside) => {
    const one = document.createElement(tag);
    for (const [name, value] of Object.entries(given)) {
      if (name === "class") one.className = value;
      else if (name === "on") for (const [event, run] of Object.entries(value)) one.addEventListener(event, run);
      else if (value === true) one.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) one.setAttribute(name, value);
    }
    one.append(...inside.filter((part) => part !== null && part !== undefined));
    return one;
  };
  const SVG = (() => { const some = make("template"); some.innerHTML = "<svg></svg>"; return some.content.firstChild.namespaceURI; })();
  const draw = (tag, given = {}, ...inside) => {
    const one = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(given)) one.setAttribute(name, value);
    one.append(...inside);
    return one;
  };
  const button = (words, run, given = {}) => make("button", { type: "button", ...given, on: { click: run } }, words);

  // ------------------------------------------------------------------------------------ plain tables
  const sortable = (table) => all(table, "thead th").forEach((head, column) => {
    if (head.classList.contains("still")) return;
    const words = head.textContent;
    const sort = () => {
      const up = head.getAttribute("aria-sort") === "descending";
      all(table, "thead th").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
      const compare = (a, b) => (isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b);
      const rows = all(table, "tbody tr").sort((a, b) => compare(key(a), key(b)) * (up ? 1 : -1));
      rows.forEach((row) => table.tBodies[0].append(row));
    };
    head.replaceChildren(button(words, sort, { class: "sorts" }));
  });

  // -------------------------------------------------------------------------------------------- data
  const TYPES = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, f4: Float32Array };
  const unpack = async (text) => {
    const letters = atob(text.replaceAll("-", "+").replaceAll("_", "/")), bytes = new Uint8Array(letters.length);
    for (let i = 0; i < letters.length; i += 1) bytes[i] = letters.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const whole = await new Response(stream).arrayBuffer();
    const length = new DataView(whole).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(whole, 4, length)));
    const array = (place) => new TYPES[place[0]](whole, 4 + length + place[1], place[2]);
    return head.groups.map((group) => {
      for (const name of ["score", "exchanges", "owner", "created", "all", "first", "last", "counts"]) {
        if (group[name]) group[name] = array(group[name]);
      }
      for (const one of [...(group.values ?? []), ...(group.marks ?? [])]) one.bits = array(one.bits);
      return { values: [], marks: [], ...group };
    });
  };
  const has = (bits, i) => (bits[i >> 3] >> (i & 7)) & 1;

  // -------------------------------------------------------------------------------------------- desk
  class Desk {
    constructor(group, card) {
      this.group = group;
      this.card = card;
      this.n = group.names.length;
      this.lower = group.names.map((name) => name.toLowerCase());
      this.words = group.names.map((name) => visible(name));
      this.total = group.exchanges ?? group.all ?? new Uint32Array(this.n);
      this.state = this.blank();
      this.selected = new Set();
      this.anchorRow = null;
      this.columns = this.chooseColumns();
      this.build();
      this.brush();
      this.connect();
      this.refresh();
    }

    blank() {
      return { q: "", values: new Set(), mark: "", from: 0, to: (this.group.bins ?? 1) - 1, sort: this.group.lead ? "exchanges" : "score", up: false, account: null };
    }

    chooseColumns() {
      const g = this.group, some = [["account", "account", (i) => this.lower[i]]];
      if (g.score) some.push(["score", "probability", (i) => g.score[i], "number"]);
      some.push(["exchanges", g.lead ? "exchanges" : "exchanges attributed", (i) => (this.isCut() ? this.inside[i] : this.total[i]), "number"]);
      if (g.first) {
        some.push(["first", "first exchange", (i) => g.first[i], "date"], ["last", "last exchange", (i) => g.last[i], "date"]);
      }
      if (g.owner?.some((owner) => owner)) some.push(["owner", "declared owner", (i) => g.owner[i], "number"]);
      if (g.values.length) some.push(["shares", "shares with members", (i) => this.strength(i)]);
      if (g.marks.length) some.push(["marks", "marks of innocent explanations", (i) => this.marksOf(i).length]);
      return some;
    }

    // The marks that fewest members carry stand first: they tell this account from the others.
    marksOf(i) { return this.group.marks.filter((mark) => has(mark.bits, i)).reverse(); }
    title(value, most = 60) { return value.opaque ? value.label : `${value.words}: ${visible(value.label, most)}`; }
    others(value) { return value.others === null ? "" : value.others ? `, ${counted(value.others, "other account")}` : ", nobody else"; }
    valuesOf(i) { return this.group.values.filter((value) => has(value.bits, i)); }
    strength(i) { return this.valuesOf(i).reduce((sum, value) => sum + value.log10, 0); }
    isCut() { const s = this.state; return s.from > 0 || s.to < (this.group.bins ?? 1) - 1; }
    time(bin) { return this.group.begin + bin * this.group.width; }
    stamp(seconds) { return this.group.width < DAY ? moment(seconds) : day(seconds); }

    reasons(i) {
      const kinds = new Map();
      for (const value of this.valuesOf(i)) kinds.set(value.words, [...(kinds.get(value.words) ?? []), value]);
      return Array.from(kinds, ([words, some]) => (some.length > 1 ? `${words} ×${some.length}` : this.title(some[0], 26))).join(", ") || "none of the values listed";
    }

    // What is searched, filtered and in the span of time, in the chosen order.
    find() {
      const g = this.group, s = this.state, words = s.q.toLowerCase().split(/\s+/).filter(Boolean);
      const values = [...s.values].map((k) => g.values[k].bits), mark = g.marks.find((one) => one.name === s.mark);
      const cut = this.isCut() && g.counts;
      this.inside = this.total;
      if (cut) {
        this.inside = new Uint32Array(this.n);
        for (let i = 0; i < this.n; i += 1) {
          let sum = 0;
          for (let b = i * g.bins + s.from; b <= i * g.bins + s.to; b += 1) sum += g.counts[b];
          this.inside[i] = sum;
        }
      }
      const rows = [];
      for (let i = 0; i < this.n; i += 1) {
        if (cut && !this.inside[i]) continue;
        if (words.length && !words.every((word) => this.lower[i].includes(word))) continue;
        if (mark && !has(mark.bits, i)) continue;
        if (!values.every((bits) => has(bits, i))) continue;
        rows.push(i);
      }
      const column = this.columns.find((one) => one[0] === s.sort) ?? this.columns[0];
      const keys = new Map(rows.map((i) => [i, column[2](i)]));
      const sign = s.up ? 1 : -1;
      const order = typeof column[2](0) === "string" ? (a, b) => (keys.get(a) < keys.get(b) ? -1 : keys.get(a) > keys.get(b) ? 1 : a - b)
        : (a, b) => keys.get(a) - keys.get(b);
      this.rows = rows.sort((a, b) => sign * order(a, b) || a - b);
    }

    build() {
      const g = this.group, place = this.card.querySelector(".live");
      const id = `${g.anchor}-search`;
      this.search = make("input", { type: "search", id, autocomplete: "off", spellcheck: "false", on: { input: () => this.set({ q: this.search.value }) } });
      this.mark = make("select", { id: `${g.anchor}-mark`, on: { change: () => this.set({ mark: this.mark.value }) } },
        make("option", { value: "" }, "any"), ...g.marks.map((one) => make("option", { value: one.name }, `${visible(spaced(one.name), 60)} (${count(this.number(one.bits))})`)));
      this.says = make("p", { class: "says", role: "status" });
      this.chips = make("ul", { class: "chips", "aria-label": "filters that are set" });
      const tools = make("div", { class: "tools" },
        make("p", {}, make("label", { for: id }, "Search accounts"), this.search),
        g.marks.length ? make("p", {}, make("label", { for: `${g.anchor}-mark` }, "Who carries the mark of"), this.mark) : null,
        make("p", { class: "buttons" },
          button("Copy names", () => this.copy()), button("CSV", () => this.save("csv"), { "aria-label": "Export CSV" }),
          button("JSON", () => this.save("json"), { "aria-label": "Export JSON" }), button("Clear", () => this.clear(), { "aria-label": "Clear filters and selection" })));
      this.head = make("tr", {}, make("th", { scope: "col", class: "pick" },
        this.everyone = make("input", { type: "checkbox", "aria-label": "Select all accounts that are listed", on: { change: () => this.pickAll() } })));
      for (const [name, words, , kind] of this.columns) {
        this.head.append(make("th", { scope: "col", class: kind ?? "", "data-column": name }, button(words, () => this.sort(name), { class: "sorts" })));
      }
      this.body = make("tbody");
      this.table = make("table", { class: "members", "aria-label": `Accounts of ${visible(g.name)}` }, make("thead", {}, this.head), this.body);
      this.window = make("div", { class: "window", tabindex: "0", role: "group", "aria-label": `Accounts of ${visible(g.name)}, scrolls`, on: { scroll: () => this.later(), keydown: (event) => this.key(event) } }, this.table);
      this.account = make("div", { class: "account", role: "group", hidden: true, tabindex: "-1", "aria-label": "Account" });
      place.replaceChildren(tools, this.chips, this.says, this.window,
        make("details", { class: "keys" }, make("summary", {}, "Keys"), make("p", {}, "In the list: arrows, Page Up, Page Down, Home and End move; Space selects; Enter opens the account. Everywhere: / goes to the search, Escape closes the account, then clears the filters.")));
      (this.card.querySelector(".opened") ?? place).append(this.account);
      place.hidden = false;
      this.active = 0;
      new ResizeObserver(() => this.later()).observe(this.window);
    }

    number(bits) { let sum = 0; for (let i = 0; i < this.n; i += 1) sum += has(bits, i); return sum; }

    // The span of time: dragged on the plot, or set by two sliders, which keys move.
    brush() {
      const g = this.group;
      const plot = this.card.querySelector("svg.timeline");
      if (!g.counts || g.bins < 2) return;
      const slider = (name, words) => make("input", { type: "range", min: 0, max: g.bins - 1, step: 1, id: `${g.anchor}-${name}`, "aria-label": words, on: { input: () => this.slide(name) } });
      this.sliders = { from: slider("from", "From"), to: slider("to", "To") };
      this.spanWords = make("output", { class: "span" });
      const row = make("div", { class: "spans" }, make("label", { for: `${g.anchor}-from` }, "from"), this.sliders.from, make("label", { for: `${g.anchor}-to` }, "to"), this.sliders.to, this.spanWords,
        button("whole time", () => this.set({ from: 0, to: g.bins - 1 })));
      const place = this.card.querySelector(".time") ?? this.card.querySelector(".live");
      place.append(row);
      if (!plot) return;
      const { begin, end, left, right, bottom } = Object.fromEntries(Object.entries(plot.dataset).map(([k, v]) => [k, Number(v)]));
      this.shade = draw("rect", { class: "shade", y: 20, height: bottom - 20, x: left, width: 0 });
      plot.prepend(this.shade);
      this.toX = (seconds) => left + (right - left) * (Math.min(Math.max(seconds, begin), end) - begin) / (end - begin);
      const toBin = (event) => {
        const box = plot.getBoundingClientRect(), x = (event.clientX - box.left) / box.width * plot.viewBox.baseVal.width;
        const seconds = begin + (x - left) / (right - left) * (end - begin);
        return Math.min(Math.max(Math.floor((seconds - g.begin) / g.width), 0), g.bins - 1);
      };
      let start = null;
      plot.classList.add("brushes");
      plot.addEventListener("pointerdown", (event) => { if (event.button) return; start = toBin(event); plot.setPointerCapture(event.pointerId); });
      plot.addEventListener("pointermove", (event) => {
        if (start === null) return;
        const at = toBin(event);
        this.set({ from: Math.min(start, at), to: Math.max(start, at) }, true);
      });
      plot.addEventListener("pointerup", (event) => {
        if (start !== null && toBin(event) === start && this.state.from === start && this.state.to === start) this.set({});
        start = null;
      });
      plot.addEventListener("dblclick", () => this.set({ from: 0, to: g.bins - 1 }));
    }

    slide(name) {
      const at = Number(this.sliders[name].value), s = this.state;
      this.set(name === "from" ? { from: at, to: Math.max(at, s.to) } : { to: at, from: Math.min(at, s.from) });
    }

    // Shared values, explanations, pieces of evidence and the drawing lead to their accounts.
    connect() {
      const g = this.group;
      this.valueRows = all(this.card, "table.values tbody tr");
      this.valueRows.forEach((row, k) => {
        const words = row.querySelector(".name");
        words.replaceWith(button(words.cloneNode(true), () => this.toggle(k), { class: "link", "aria-pressed": "false" }));
      });
      all(this.card, ".evidence li[data-kind]").forEach((item) => {
        const [kind, value] = [item.dataset.kind, item.dataset.value].map(decodeURIComponent);
        const k = g.values.findIndex((one) => one.kind === kind && one.value === value);
        if (k >= 0) item.querySelector("small").append(" · ", button("show its accounts", () => { this.toggle(k, true); this.show(); }, { class: "link" }));
      });
      all(this.card, ".trial td[data-explanation]").forEach((cell) => {
        const name = decodeURIComponent(cell.dataset.explanation);
        if (g.marks.some((one) => one.name === name)) {
          const words = cell.firstChild.textContent.trim();
          cell.firstChild.replaceWith(button(words, () => { this.set({ mark: name }); this.show(); }, { class: "link", "aria-label": `${words} with the mark of ${visible(spaced(name))}: list them` }));
        }
      });
      all(this.card, ".pattern").forEach((one) => {
        one.addEventListener("click", () => { this.set({ values: new Set(one.dataset.values.split(" ").filter(Boolean).map(Number)) }); this.show(); });
      });
    }

    toggle(k, on) {
      const values = new Set(this.state.values);
      if (on || !values.has(k)) values.add(k); else values.delete(k);
      this.set({ values });
    }

    show() { this.card.querySelector(".live").scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" }); }

    sort(name) {
      const same = this.state.sort === name;
      this.set({ sort: name, up: same ? !this.state.up : name === "account" || name === "first" });
    }

    set(change, quick = false) {
      Object.assign(this.state, change);
      if (!("account" in change)) { this.window.scrollTop = 0; this.active = 0; }
      if (quick) { if (!this.soon) this.soon = requestAnimationFrame(() => { this.soon = null; this.refresh(); }); } else this.refresh();
    }

    clear() { this.selected.clear(); this.search.value = ""; this.set({ ...this.blank(), sort: this.state.sort, up: this.state.up }); }

    refresh() {
      const g = this.group, s = this.state;
      this.find();
      if (this.search.value !== s.q) this.search.value = s.q;
      this.mark.value = s.mark;
      const shown = new Uint8Array(Math.ceil(this.n / 8));
      let sum = 0;
      for (const i of this.rows) { shown[i >> 3] |= 1 << (i & 7); sum += this.inside[i]; }
      const whole = this.rows.length === this.n;
      this.says.replaceChildren(
        `${whole ? `All ${counted(this.n, "account")}` : `${count(this.rows.length)} of ${counted(this.n, "account")}`}, ${counted(sum, "exchange")}`,
        this.isCut() ? ` between ${this.stamp(this.time(s.from))} and ${this.stamp(this.time(s.to + 1))} UTC` : "",
        this.selected.size ? `; ${count(this.selected.size)} selected` : "", ".");
      const chip = (words, off) => make("li", {}, button(`${words} ×`, off, { "aria-label": `Remove the filter ${words}` }));
      this.chips.replaceChildren(
        ...[...s.values].map((k) => chip(this.title(g.values[k], 40), () => this.toggle(k))),
        ...(s.mark ? [chip(`mark of ${visible(spaced(s.mark), 60)}`, () => this.set({ mark: "" }))] : []),
        ...(this.isCut() ? [chip("span of time", () => this.set({ from: 0, to: g.bins - 1 }))] : []));
      this.chips.hidden = !this.chips.children.length;
      this.valueRows.forEach((row, k) => {
        const bits = g.values[k].bits;
        let inside = 0;
        for (let b = 0; b < bits.length; b += 1) { let both = bits[b] & shown[b]; while (both) { inside += both & 1; both >>= 1; } }
        row.querySelector(".now").textContent = whole ? row.dataset.members : `${count(inside)} of ${row.dataset.members}`;
        row.classList.toggle("out", !inside);
        row.querySelector("button").setAttribute("aria-pressed", String(s.values.has(k)));
      });
      all(this.card, "[data-from][data-until]").forEach((row) => {
        row.classList.toggle("out", this.isCut() && (Number(row.dataset.until) < this.time(s.from) || Number(row.dataset.from) >= this.time(s.to + 1)));
      });
      all(this.head, "th[data-column]").forEach((head) => {
        if (head.dataset.column === s.sort) head.setAttribute("aria-sort", s.up ? "ascending" : "descending"); else head.removeAttribute("aria-sort");
      });
      if (this.sliders) {
        this.sliders.from.value = s.from;
        this.sliders.to.value = s.to;
        this.spanWords.textContent = this.isCut() ? `${this.stamp(this.time(s.from))} to ${this.stamp(this.time(s.to + 1))}` : "the whole time";
        const ends = [this.time(s.from), this.time(s.to + 1)];
        this.sliders.from.setAttribute("aria-valuetext", this.stamp(ends[0]));
        this.sliders.to.setAttribute("aria-valuetext", this.stamp(ends[1]));
        if (this.shade) {
          this.shade.setAttribute("x", this.toX(ends[0]));
          this.shade.setAttribute("width", this.isCut() ? Math.max(this.toX(ends[1]) - this.toX(ends[0]), 1) : 0);
        }
      }
      this.everyone.checked = this.rows.length > 0 && this.rows.every((i) => this.selected.has(i));
      this.drawn = null;
      this.render();
      this.open(s.account);
      this.remember();
    }

    later() { if (!this.waiting) this.waiting = requestAnimationFrame(() => { this.waiting = null; this.render(); }); }

    // Only the rows that can be seen are in the document; two empty ones stand for those above and below.
    render() {
      const high = this.window.clientHeight || 400, first = Math.max(0, Math.floor(this.window.scrollTop / ROW) - MARGIN);
      const last = Math.min(this.rows.length, first + Math.ceil(high / ROW) + 2 * MARGIN);
      const name = `${first}-${last}`;
      if (name === this.drawn) return;
      this.drawn = name;
      const focused = this.body.contains(document.activeElement) ? document.activeElement : null;
      const kept = focused && [focused.closest("tr").dataset.row, focused.tagName];
      const gap = (rows) => { const row = make("tr", { class: "gap", "aria-hidden": "true" }, make("td", { colspan: this.columns.length + 1 })); row.style.height = `${rows * ROW}px`; return row; };
      this.table.setAttribute("aria-rowcount", this.rows.length + 1);
      this.body.replaceChildren(...(first ? [gap(first)] : []), ...this.rows.slice(first, last).map((i, k) => this.row(i, first + k)), ...(last < this.rows.length ? [gap(this.rows.length - last)] : []));
      if (!this.rows.length) this.body.replaceChildren(make("tr", {}, make("td", { colspan: this.columns.length + 1 }, "No account fits. Clear a filter to see more.")));
      if (kept) this.body.querySelector(`tr[data-row="${kept[0]}"] ${kept[1]}`)?.focus({ preventScroll: true });
    }

    row(i, at) {
      const g = this.group, picked = this.selected.has(i);
      const row = make("tr", { "aria-rowindex": at + 2, "data-row": i, class: `${i === this.state.account ? "open " : ""}${at === this.active ? "active" : ""}` },
        make("td", { class: "pick" }, make("input", { type: "checkbox", "aria-label": `Select ${this.words[i]}`, on: { click: (event) => this.pick(at, event.shiftKey) } })));
      row.querySelector("input").checked = picked;
      for (const [name, , key, kind] of this.columns) {
        let inside;
        if (name === "account") inside = button(this.words[i], () => this.set({ account: i === this.state.account ? null : i }), { class: "link value" });
        else if (name === "score") inside = percent(g.score[i]);
        else if (name === "exchanges") inside = this.isCut() ? `${count(this.inside[i])} of ${count(this.total[i])}` : count(this.total[i]);
        else if (name === "first" || name === "last") inside = key(i) ? moment(key(i) * 60) : "not known";
        else if (name === "owner") inside = g.owner[i] ? `owner ${count(g.owner[i])}` : "none";
        else if (name === "shares") inside = this.reasons(i);
        else inside = this.marksOf(i).map((mark) => visible(spaced(mark.name), 60)).join(", ") || "none";
        row.append(make("td", { class: kind ?? "", title: typeof inside === "string" && inside.length > 30 ? inside : null }, inside));
      }
      return row;
    }

    pick(at, range) {
      const i = this.rows[at], on = !this.selected.has(i);
      const [a, b] = range && this.anchorRow !== null ? [Math.min(at, this.anchorRow), Math.max(at, this.anchorRow)] : [at, at];
      for (let k = a; k <= b; k += 1) { if (on) this.selected.add(this.rows[k]); else this.selected.delete(this.rows[k]); }
      this.anchorRow = at;
      this.refresh();
    }

    pickAll() {
      for (const i of this.rows) { if (this.everyone.checked) this.selected.add(i); else this.selected.delete(i); }
      this.refresh();
    }

    key(event) {
      const page = Math.floor(this.window.clientHeight / ROW) - 2;
      const move = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[event.key];
      const inRow = event.target !== this.window;
      if (move !== undefined) {
        this.active = Math.min(Math.max(this.active + move, 0), this.rows.length - 1);
        const top = this.active * ROW, head = this.head.offsetHeight;
        if (top < this.window.scrollTop) this.window.scrollTop = top;
        else if (top + ROW + head > this.window.scrollTop + this.window.clientHeight) this.window.scrollTop = top + ROW + head - this.window.clientHeight;
        this.drawn = null;
        this.render();
        this.says.dataset.row = this.words[this.rows[this.active]] ?? "";
      } else if (!inRow && event.key === " " && this.rows.length) this.pick(this.active, event.shiftKey);
      else if (!inRow && event.key === "Enter" && this.rows.length) { this.set({ account: this.rows[this.active] }); this.account.focus(); } else return;
      event.preventDefault();
    }

    // ---------------------------------------------------------------------------------- one account
    open(i) {
      if (i === null) { this.account.hidden = true; return; }
      const g = this.group, facts = make("dl", { class: "facts small" });
      const fact = (words, value) => facts.append(make("div", {}, make("dt", {}, words), make("dd", {}, value)));
      if (g.score) fact("probability of membership", percent(g.score[i]));
      fact(g.lead ? "exchanges" : "exchanges attributed", g.all && !g.lead ? `${count(this.total[i])} of ${count(g.all[i])}` : count(this.total[i]));
      if (g.created) fact("created", g.created[i] ? day(g.created[i] * 60) : "not known");
      if (g.first) fact("first exchange", g.first[i] ? moment(g.first[i] * 60) : "not known");
      if (g.last) fact("last exchange", g.last[i] ? moment(g.last[i] * 60) : "not known");
      if (g.owner) fact("declared owner", g.owner[i] ? `owner ${count(g.owner[i])}` : "none");
      const item = (words, note, run) => make("li", {}, run ? button(words, run, { class: "link" }) : make("span", {}, words), make("small", {}, note));
      const values = this.valuesOf(i).sort((a, b) => b.log10 - a.log10);
      const marks = this.marksOf(i);
      const [some, shared] = [marks.filter((one) => this.number(one.bits) < this.n), marks.filter((one) => this.number(one.bits) === this.n)];
      const near = g.values.length ? this.nearest(i) : [];
      this.account.setAttribute("aria-label", `Account ${this.words[i]}`);
      this.account.replaceChildren(
        make("h4", { class: "value" }, visible(g.names[i], 200)),
        make("p", { class: "buttons" }, button("Copy name", () => this.put(g.names[i], "1 name")), button("Copy link", () => this.put(`${location.href.split("#")[0]}${this.hash()}`, "the link")), button("Close", () => { this.set({ account: null }); this.window.focus(); })),
        facts, this.days(i) ?? "",
        make("div", { class: "glance" },
          make("section", { class: "for-one" }, make("h5", {}, "Shares with other members"),
            values.length ? make("ul", {}, ...values.map((one) => item(this.title(one),
              `${counted(this.number(one.bits), "member")}${this.others(one)}${one.about ? `; ${one.about}` : ""}`,
              () => this.toggle(g.values.indexOf(one), true)))) : make("p", {}, g.lead ? "Shared values are written for campaigns only." : "None of the values listed.")),
          make("section", { class: "against-one" }, make("h5", {}, "Who this could innocently be"),
            some.length ? make("ul", {}, ...some.map((one) => item(visible(spaced(one.name), 60), `${count(this.number(one.bits))} of ${counted(this.n, "account")} of this group carry the mark`, () => this.set({ mark: one.name })))) : null,
            shared.length ? make("p", {}, `${some.length ? "And, as" : "As"} every account of this group: ${shared.map((one) => visible(spaced(one.name), 60)).join(", ")}.`) : null,
            marks.length ? null : make("p", {}, "It carries the mark of no explanation that was tried."))),
        near.length ? make("p", { class: "note" }, "Shares most with: ", ...near.flatMap((j, k) => [k ? ", " : "", button(this.words[j], () => this.set({ account: j }), { class: "link value" })])) : "");
      this.account.hidden = false;
    }

    nearest(i) {
      const mine = this.valuesOf(i), found = [];
      if (!mine.length) return found;
      const sums = new Float32Array(this.n);
      for (const one of mine) for (let j = 0; j < this.n; j += 1) if (has(one.bits, j)) sums[j] += one.log10;
      sums[i] = -1;
      for (let k = 0; k < 5; k += 1) {
        let best = -1;
        for (let j = 0; j < this.n; j += 1) if (sums[j] > 0 && (best < 0 || sums[j] > sums[best])) best = j;
        if (best < 0) break;
        found.push(best);
        sums[best] = -1;
      }
      return found;
    }

    days(i) {
      const g = this.group;
      if (!g.counts) return null;
      const some = g.counts.subarray(i * g.bins, (i + 1) * g.bins), most = Math.max(1, ...some), wide = 900, high = 64;
      let active = 0;
      const bars = Array.from(some, (n, b) => {
        if (!n) return null;
        active += 1;
        const tall = Math.max(1.5, n / most * (high - 8));
        return draw("rect", { class: "bar", x: b / g.bins * wide, y: high - tall, width: Math.max(wide / g.bins * 0.84, 0.6), height: tall }, (() => { const tip = draw("title"); tip.textContent = `${this.stamp(this.time(b))}: ${counted(n, "exchange")}`; return tip; })());
      }).filter(Boolean);
      const unit = g.width < DAY ? (g.width === HOUR ? "hour" : `${g.width / HOUR} hours`) : g.width === DAY ? "day" : `${g.width / DAY} days`;
      const words = `Its exchanges per ${unit}: active in ${count(active)} of ${count(g.bins)}, at most ${count(most)} in one.`;
      const title = draw("title");
      title.textContent = words;
      return make("figure", {}, draw("svg", { viewBox: `0 0 ${wide} ${high + 2}`, class: "plot", role: "img" }, title, draw("line", { class: "axis", x1: 0, x2: wide, y1: high, y2: high }), ...bars),
        make("figcaption", {}, `${words} From ${this.stamp(g.begin)} to ${this.stamp(this.time(g.bins))}.`));
    }

    // ---------------------------------------------------------------------------------- taken along
    chosen() { return this.selected.size ? [...this.selected].sort((a, b) => a - b) : this.rows; }

    records() {
      const g = this.group;
      return this.chosen().map((i) => ({
        group: g.name, account_id: g.names[i], probability: g.score ? Math.round(g.score[i] * 1e6) / 1e6 : null,
        exchanges: this.total[i], exchanges_in_span: this.isCut() ? this.inside[i] : this.total[i],
        first_seen: g.first ? iso(g.first[i] * 60) : null, last_seen: g.last ? iso(g.last[i] * 60) : null,
        created_at: g.created ? iso(g.created[i] * 60) : null, owner: g.owner && g.owner[i] ? g.owner[i] : null,
        explanations: this.marksOf(i).map((one) => one.name), shared: this.valuesOf(i).map((one) => ({ kind: one.kind, value: one.value })),
      }));
    }

    csv() {
      const rows = this.records(), names = ["group", "account_id", "probability", "exchanges", "exchanges_in_span", "first_seen", "last_seen", "created_at", "owner", "explanations", "shared"];
      // A spreadsheet runs what begins like a formula: such a cell gets an apostrophe, as OWASP advises.
      const cell = (value) => {
        let words = value === null ? "" : Array.isArray(value) ? value.map((one) => (typeof one === "string" ? one : `${one.kind}=${one.value}`)).join("; ") : String(value);
        if (typeof value !== "number" && /^[=+\-@\t\r]/.test(words)) words = `'${words}`;
        return /[",\n\r]/.test(words) ? `"${words.replaceAll('"', '""')}"` : words;
      };
      return `${[names.join(","), ...rows.map((row) => names.map((name) => cell(row[name])).join(","))].join("\r\n")}\r\n`;
    }

    save(form) {
      const text = form === "csv" ? this.csv() : `${JSON.stringify(this.records(), null, 1)}\n`;
      const link = make("a", { download: `${this.group.name.replace(/[^\w-]+/g, "_")}-accounts.${form}`, href: URL.createObjectURL(new Blob([text], { type: form === "csv" ? "text/csv" : "application/json" })) });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
      this.note(`${counted(this.chosen().length, "account")} written as ${form.toUpperCase()}.`);
    }

    copy() { this.put(this.chosen().map((i) => this.group.names[i]).join("\n"), counted(this.chosen().length, "name")); }

    async put(text, what) {
      try { await navigator.clipboard.writeText(text); } catch {
        const area = make("textarea", { class: "unseen", "aria-hidden": "true" });
        area.value = text;
        document.body.append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
      }
      this.note(`Copied: ${what}.`);
    }

    note(words) { this.says.append(` ${words}`); }

    // ---------------------------------------------------------------------------------------- links
    hash() {
      const s = this.state, g = this.group, parts = [g.anchor];
      const add = (name, value) => parts.push(`${name}=${encodeURIComponent(value)}`);
      if (s.q) add("q", s.q);
      for (const k of s.values) add("value", `${g.values[k].kind}:${g.values[k].value}`);
      if (s.mark) add("mark", s.mark);
      if (this.isCut()) { add("from", iso(this.time(s.from))); add("to", iso(this.time(s.to + 1))); }
      if (s.account !== null) add("account", g.names[s.account]);
      return `#${parts.join("&")}`;
    }

    remember() {
      const hash = this.hash();
      if (!this.ready || (hash === `#${this.group.anchor}` && location.hash.split("&")[0] !== hash)) return;
      try { history.replaceState(null, "", hash); } catch { /* a page without an address of its own */ }
    }

    follow(given) {
      const g = this.group, change = { ...this.blank(), sort: this.state.sort, up: this.state.up };
      const bin = (text) => (Date.parse(text) / 1000 - g.begin) / g.width;
      for (const part of given) {
        const [name, ...rest] = part.split("=");
        let value;
        try { value = decodeURIComponent(rest.join("=")); } catch { continue; }
        if (name === "q") change.q = value;
        else if (name === "value") { const k = g.values.findIndex((one) => `${one.kind}:${one.value}` === value); if (k >= 0) change.values.add(k); }
        else if (name === "mark" && g.marks.some((one) => one.name === value)) change.mark = value;
        else if (name === "from" && g.bins && bin(value) >= 0) change.from = Math.min(Math.floor(bin(value)), g.bins - 1);
        else if (name === "to" && g.bins && bin(value) >= 1) change.to = Math.min(Math.ceil(bin(value)) - 1, g.bins - 1);
        else if (name === "account") { const i = g.names.indexOf(value); change.account = i < 0 ? null : i; }
      }
      this.set(change);
    }
  }

  // -------------------------------------------------------------------------------------------- page
  const desks = new Map();
  const groups = new Map();
  const desk = (anchor) => {
    if (!desks.has(anchor) && groups.has(anchor)) {
      const card = document.getElementById(anchor);
      const one = new Desk(groups.get(anchor), card);
      card.classList.add("worked");
      one.ready = true;
      desks.set(anchor, one);
    }
    return desks.get(anchor);
  };
  const reveal = (anchor) => {
    const part = document.getElementById(anchor);
    const folded = part?.closest("details");
    if (folded) folded.open = true;
    return part;
  };
  const follow = () => {
    const [anchor, ...given] = location.hash.slice(1).split("&");
    const part = anchor && reveal(anchor);
    if (!part) return;
    if (given.length) {
      const one = desk(anchor);
      one?.follow(given);
      (given.some((item) => item.startsWith("account=")) && one ? one.account : part.querySelector(".live") ?? part).scrollIntoView();
    } else part.scrollIntoView();
  };
  all(document, "table.sortable").forEach(sortable);
  all(document, 'a[href^="#"]').forEach((link) => link.addEventListener("click", () => reveal(link.hash.slice(1))));
  window.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName ?? "");
    const nearest = () => [...desks.values()].map((one) => [Math.abs(one.window.getBoundingClientRect().top - 100), one]).sort((a, b) => a[0] - b[0])[0]?.[1];
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) { nearest()?.search.focus(); event.preventDefault(); }
    else if (event.key === "Escape") { const one = nearest(); if (one?.state.account != null) { one.set({ account: null }); one.window.focus(); } else one?.clear(); }
  });
  const begin = async () => {
    const block = document.getElementById("packed");
    if (!block || typeof DecompressionStream === "undefined") return;
    for (const group of await unpack(block.textContent.trim())) groups.set(group.anchor, group);
    // The desks that can be seen first are made first; the others when they are near, or asked for.
    const watch = new IntersectionObserver((seen) => seen.forEach((one) => { if (one.isIntersecting) { watch.unobserve(one.target); desk(one.target.id); } }), { rootMargin: "1200px" });
    for (const anchor of groups.keys()) { const card = document.getElementById(anchor); if (card) watch.observe(card); }
    follow();
    window.addEventListener("hashchange", follow);
    document.documentElement.dataset.ready = "yes";
  };
  begin();
})();
