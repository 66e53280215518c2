"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);

  // Filter: every word must stand somewhere in the row, the card or the redline's own line.
  const box = one("filter");
  if (box) {
    const said = one("filter-says");
    const items = all("[data-f]").map((node) => {
      const told = node.matches("details") ? node.querySelector("summary") : node;
      return { node, text: told.textContent.toLowerCase() };
    });
    const filter = () => {
      const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const { node, text } of items) {
        const fits = words.every((word) => text.includes(word));
        if (node.hidden === fits) node.hidden = !fits;
        shown += fits;
      }
      said.textContent = words.length ? `${shown} of ${items.length}` : "";
    };
    let waiting = 0;
    box.addEventListener("input", () => {
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(filter);
    });
    if (box.value) filter();
  }

  // Changes: n and p go through those that can be seen, in the order of the page.
  let current = null;
  const jump = (step) => {
    const marks = all("[data-c]").filter((node) => node.offsetParent !== null);
    const firsts = marks.filter((node, at) => !at || marks[at - 1].dataset.c !== node.dataset.c || marks[at - 1].closest(".redline") !== node.closest(".redline"));
    if (!firsts.length) return;
    let at = firsts.indexOf(current);
    if (at < 0) {
      const middle = innerHeight / 3;
      at = firsts.findIndex((node) => node.getBoundingClientRect().top > middle);
      at = at < 0 ? firsts.length : at;
      if (step > 0) at -= 1;
    }
    current?.classList.remove("now");
    current = firsts[(at + step + firsts.length) % firsts.length];
    current.classList.add("now");
    current.scrollIntoView({ block: "center" });
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === box && event.key === "Escape") {
      box.value = "";
      box.dispatchEvent(new Event("input"));
      box.blur();
    }
    if (event.target.matches("input[type=search]")) return;
    if (event.key === "n") jump(1);
    else if (event.key === "p") jump(-1);
    else if (event.key === "/" && box) {
      event.preventDefault();
      box.focus();
    }
  });

  // A link into a closed redline opens it.
  const reveal = () => {
    const target = location.hash.length > 1 && one(decodeURIComponent(location.hash.slice(1)));
    for (let node = target; node; node = node.parentElement) if (node.matches("details")) node.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  if (location.hash) reveal();

  // The map: the pointer or the arrow keys read a square.
  const heat = one("heat");
  if (heat) {
    const values = JSON.parse(one("heat-data").textContent);
    const px = Number(heat.dataset.px);
    const labels = all(".l", heat);
    const cursor = heat.querySelector(".cursor");
    const says = one("heat-says");
    let row = 1;
    let column = 0;
    const read = () => {
      const value = values[(row * (row - 1)) / 2 + column];
      labels.forEach((label, at) => label.classList.toggle("on", at === row || at === column));
      cursor.setAttribute("x", column * px - 0.5);
      cursor.setAttribute("y", row * px - 0.5);
      const figure = document.createElement("b");
      figure.textContent = value < 0 ? "not compared" : `${(value / 10).toFixed(1)}%`;
      const names = [column, row].map((at) => labels[at].querySelector("title").textContent);
      says.replaceChildren(figure, names[0], document.createElement("br"), names[1]);
    };
    heat.addEventListener("pointermove", (event) => {
      const place = heat.getBoundingClientRect();
      const x = Math.floor((event.clientX - place.left) / px);
      const y = Math.floor((event.clientY - place.top) / px);
      if (x >= 0 && x < y && y < labels.length && (x !== column || y !== row)) {
        [row, column] = [y, x];
        read();
      }
    });
    heat.addEventListener("keydown", (event) => {
      const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
      const move = moves[event.key];
      if (!move) return;
      event.preventDefault();
      row = Math.min(labels.length - 1, Math.max(1, row + move[0]));
      column = Math.min(row - 1, Math.max(0, column + move[1]));
      read();
    });
  }
})();
