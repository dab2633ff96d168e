"use strict";
// Curves over the epochs, drawn from the JSON block of the page. Text is set with textContent only.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const place = document.getElementById("charts");
  if (!place || !data.epochs.length) return;
  const NS = "http://www.w3.org/2000/svg";
  const W = 460, H = 230, LEFT = 52, RIGHT = 12, TOP = 10, BOTTOM = 28;

  const svg = (name, attributes, parent) => {
    const element = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (parent) parent.append(element);
    return element;
  };
  const html = (name, className, text, parent) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text !== null) element.textContent = text;
    if (parent) parent.append(element);
    return element;
  };
  const shown = (x) => {
    if (x === null || x === undefined) return "–";
    if (x === 0) return "0";
    if (Math.abs(x) >= 1000) return Math.round(x).toLocaleString("en");
    if (Math.abs(x) < 1e-3) return x.toExponential(2).replace("e+", "e");
    return String(Number(x.toPrecision(4)));
  };
  // Round steps that divide a span into three to six parts.
  const ticks = (low, high) => {
    const raw = (high - low) / 4, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw);
    const found = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) found.push(i * step);
    return found;
  };
  const epochTicks = (low, high) => {
    const wanted = (high - low) / 8;
    const step = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((s) => s >= wanted) || Math.ceil(wanted / 1000) * 1000;
    const found = [];
    for (let e = Math.ceil(low / step) * step; e <= high; e += step) found.push(e);
    return found;
  };

  const draw = (chart) => {
    const box = html("div", "chart", null, place);
    html("h4", "", chart.title, box);
    const legend = html("div", "legend", null, box);
    const hidden = new Set(chart.series.flatMap((s, i) => s.shown ? [] : [i]));
    let root = null;
    const tip = html("div", "tip", null, null);

    const render = () => {
      if (root) root.remove();
      root = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": chart.title });
      box.append(root, tip);
      const visible = chart.series.filter((_, i) => !hidden.has(i));
      const values = visible.flatMap((s) => s.values).concat(chart.levels.map((l) => l.value)).filter((v) => v !== null);
      if (chart.zero) values.push(0);
      if (!values.length) values.push(0, 1);
      let low = Math.min(...values), high = Math.max(...values);
      const pad = (high - low || Math.abs(high) || 1) * 0.06;
      low = chart.zero && low === 0 ? 0 : low - pad;
      high += pad;
      const first = data.epochs[0], last = data.epochs[data.epochs.length - 1];
      const x = (e) => last === first ? (LEFT + W - RIGHT) / 2 : LEFT + (e - first) / (last - first) * (W - LEFT - RIGHT);
      const y = (v) => H - BOTTOM - (v - low) / (high - low) * (H - TOP - BOTTOM);
      for (const v of ticks(low, high)) {
        svg("line", { x1: LEFT, x2: W - RIGHT, y1: y(v), y2: y(v), class: "grid" }, root);
        svg("text", { x: LEFT - 6, y: y(v) + 4, "text-anchor": "end" }, root).textContent = shown(Number(v.toPrecision(6)));
      }
      svg("line", { x1: LEFT, x2: W - RIGHT, y1: H - BOTTOM, y2: H - BOTTOM, class: "axis" }, root);
      for (const e of epochTicks(first, last)) {
        svg("text", { x: x(e), y: H - BOTTOM + 15, "text-anchor": "middle" }, root).textContent = e;
      }
      svg("text", { x: W - RIGHT, y: H - 1, "text-anchor": "end" }, root).textContent = "epoch";
      let lastNameAt = -99;
      for (const l of [...chart.levels].sort((a, b) => a.value - b.value)) {
        if (l.value === null) continue;
        svg("line", { x1: LEFT, x2: W - RIGHT, y1: y(l.value), y2: y(l.value), class: "level" }, root);
        if (Math.abs(y(l.value) - lastNameAt) < 12) continue;
        lastNameAt = y(l.value);
        svg("text", { x: W - RIGHT - 2, y: y(l.value) - 4, "text-anchor": "end", class: "levelname" }, root).textContent = l.name;
      }
      chart.series.forEach((s, i) => {
        if (hidden.has(i)) return;
        let path = "", pen = "M";
        s.values.forEach((v, k) => {
          if (v === null) { pen = "M"; return; }
          path += `${pen}${x(data.epochs[k]).toFixed(1)} ${y(v).toFixed(1)}`;
          pen = "L";
        });
        svg("path", { d: path, class: `curve s${i % 4}` }, root);
        if (data.epochs.length <= 40) {
          s.values.forEach((v, k) => v !== null && svg("circle", { cx: x(data.epochs[k]), cy: y(v), r: 2.6, class: `dot s${i % 4}` }, root));
        }
        const best = data.epochs.indexOf(data.best);
        if (best >= 0 && s.values[best] !== null) svg("circle", { cx: x(data.best), cy: y(s.values[best]), r: 6, class: "ring" }, root);
      });
      const cross = svg("line", { y1: TOP, y2: H - BOTTOM, class: "cross" }, root);
      root.addEventListener("pointermove", (event) => {
        const area = root.getBoundingClientRect();
        const wanted = (event.clientX - area.left) / area.width * W;
        let k = 0;
        data.epochs.forEach((e, j) => { if (Math.abs(x(e) - wanted) < Math.abs(x(data.epochs[k]) - wanted)) k = j; });
        const at = x(data.epochs[k]);
        cross.setAttribute("x1", at);
        cross.setAttribute("x2", at);
        cross.style.visibility = "visible";
        tip.replaceChildren();
        html("strong", "", `epoch ${data.epochs[k]}${data.epochs[k] === data.best ? " (best)" : ""}`, tip);
        chart.series.forEach((s, i) => {
          if (hidden.has(i)) return;
          const row = html("div", "", null, tip);
          html("span", `key s${i % 4}`, "", row);
          html("span", "", s.name, row);
          html("b", "", shown(s.values[k]), row);
        });
        tip.style.visibility = "visible";
        const left = at / W * area.width;
        tip.style.left = left > area.width / 2 ? `${Math.max(0, left - tip.offsetWidth - 12)}px` : `${left + 12}px`;
        tip.style.top = `${area.top - box.getBoundingClientRect().top + 8}px`;
      });
      root.addEventListener("pointerleave", () => {
        tip.style.visibility = "hidden";
        cross.style.visibility = "hidden";
      });
    };

    chart.series.forEach((s, i) => {
      const button = html("button", "", null, legend);
      button.type = "button";
      button.setAttribute("aria-pressed", String(s.shown));
      html("span", `key s${i % 4}`, "", button);
      html("span", "", s.name, button);
      button.addEventListener("click", () => {
        if (!hidden.delete(i)) hidden.add(i);
        button.setAttribute("aria-pressed", String(!hidden.has(i)));
        render();
      });
    });
    render();
  };
  data.charts.filter((chart) => chart.series.length).forEach(draw);
})();
