// Shows /api/v1/runs as a table and curves. All text goes through textContent: nothing that a file
// name or a run says is ever read as markup.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const EVERY = 2000;
const CHARTS = [
  { signal: "train_affinity", title: "Train affinity (share)" },
  { signal: "nearest_ratio", title: "Nearest ratio (share of copies)" },
  { signal: "pfd", title: "Probability flow distance" },
];
const BADGES = { learning: "good", early_memorization: "watch", memorizing: "bad", memorization: "bad" };

function element(name, className, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function shape(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

function words(label) {
  return label.replaceAll("_", " ");
}

function number(value) {
  if (value === null || value === undefined) return "\u2013";
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1e5 || size < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(3)));
}

function badge(label, kind) {
  return element("span", "badge " + kind, words(label));
}

function seriesName(series) {
  return words(series.signal) + (series.reference ? " to " + series.reference : "")
    + (series.sigma === null ? "" : " at sigma " + number(series.sigma));
}

/** The series of the table and the curves: one value per checkpoint, not one per noise level. */
function plain(run) {
  return run.series.filter((series) => series.sigma === null && series.points.length > 0);
}

function overview(runs) {
  const names = [...new Set(runs.flatMap((run) => plain(run).map(seriesName)))];
  const table = element("table");
  table.append(element("caption", "", "Latest final estimates with their 95 % intervals"));
  const head = element("tr");
  for (const title of ["Run", "Verdict", "Flags"]) head.append(element("th", "", title));
  for (const title of ["Step", "Evaluated", "Failed", ...names]) head.append(element("th", "number", title));
  for (const cell of head.children) cell.scope = "col";
  table.append(element("thead"));
  table.tHead.append(head);
  const body = element("tbody");
  for (const run of runs) body.append(row(run, names));
  table.append(body);
  return table;
}

function row(run, names) {
  const line = element("tr");
  const name = element("td", "", run.display_name);
  name.append(element("small", "", run.state + progress(run)));
  const verdict = element("td");
  verdict.append(badge(run.verdict.state, BADGES[run.verdict.state] || "quiet"));
  if (run.verdict.best_step !== null) verdict.append(element("small", "", "best step " + run.verdict.best_step));
  const flags = element("td");
  const raised = run.flags.filter((flag) => flag.raised);
  for (const flag of raised) flags.append(badge(flag.flag, BADGES[flag.flag] || "bad"), element("small", "", "since step " + flag.step));
  if (raised.length === 0) flags.textContent = "none";
  const step = element("td", "number", run.evaluated_step === null ? "\u2013" : String(run.evaluated_step));
  if (run.found_step !== null) step.append(element("small", "", "found " + run.found_step));
  if (run.attempt > 1) step.append(element("small", "", "attempt " + run.attempt));
  line.append(name, verdict, flags, step,
    element("td", "number", String(run.counts.evaluated)), element("td", "number", String(run.counts.failed)));
  for (const title of names) {
    const cell = element("td", "number");
    const series = plain(run).find((candidate) => seriesName(candidate) === title);
    if (series) {
      const last = series.points[series.points.length - 1];
      cell.textContent = number(last.value);
      if (last.lower !== null) cell.append(element("small", "", "[" + number(last.lower) + ", " + number(last.upper) + "]"));
    } else {
      cell.textContent = "\u2013";
    }
    line.append(cell);
  }
  return line;
}

function progress(run) {
  if (!run.progress || run.progress.total <= 0) return "";
  const what = run.progress.step === null ? run.progress.checkpoint : "step " + run.progress.step;
  return " " + what + ", " + Math.round(100 * run.progress.done / run.progress.total) + " %";
}

/** Steps are often spaced geometrically: then the axis is logarithmic. */
function stepScale(steps, from, to) {
  const least = Math.min(...steps);
  const most = Math.max(...steps);
  const logarithmic = least > 0 && most / least > 30;
  const place = (step) => (logarithmic ? Math.log(step) : step);
  const span = place(most) - place(least) || 1;
  return { least, most, logarithmic, x: (step) => from + (to - from) * (place(step) - place(least)) / span };
}

function chart(run, { signal, title }) {
  const curves = plain(run).filter((series) => series.signal === signal)
    .map((series) => ({ series, points: series.points.filter((point) => point.value !== null) }))
    .filter((curve) => curve.points.length > 0);
  if (curves.length === 0) return null;
  const past = curves.flatMap(({ series }) => series.superseded.flatMap(({ attempt, points }) =>
    points.filter((point) => point.value !== null).map((point) => ({ ...point, attempt, name: seriesName(series) }))));
  const all = [...curves.flatMap((curve) => curve.points), ...past];
  const values = all.flatMap((point) => [point.value, point.lower ?? point.value, point.upper ?? point.value]);
  const low = Math.min(0, ...values);
  const high = Math.max(...values);
  const [left, right, top, bottom] = [44, 330, 10, 150];
  const scale = stepScale(all.map((point) => point.step), left, right);
  const y = (value) => bottom - (bottom - top) * (value - low) / (high - low || 1);
  const figure = element("figure");
  figure.append(element("h3", "", title));
  const svg = shape("svg", { viewBox: "0 0 340 170", role: "img",
    "aria-label": title + " over training step, latest value " + number(curves[0].points[curves[0].points.length - 1].value) });
  svg.append(shape("line", { class: "axis", x1: left, y1: bottom, x2: right, y2: bottom }),
    shape("line", { class: "axis", x1: left, y1: top, x2: left, y2: bottom }),
    shape("text", { x: left - 5, y: top + 6, "text-anchor": "end" }, number(high)),
    shape("text", { x: left - 5, y: bottom, "text-anchor": "end" }, number(low)),
    shape("text", { x: left, y: bottom + 15 }, String(scale.least)),
    shape("text", { x: right, y: bottom + 15, "text-anchor": "end" }, String(scale.most)),
    shape("text", { x: (left + right) / 2, y: bottom + 15, "text-anchor": "middle" },
      scale.logarithmic ? "step (log)" : "step"));
  for (const flag of run.flags) {
    if (flag.raised && flag.step >= scale.least && flag.step <= scale.most) {
      const line = shape("line", { class: "flag", x1: scale.x(flag.step), y1: top, x2: scale.x(flag.step), y2: bottom });
      line.append(shape("title", {}, words(flag.flag) + " raised at step " + flag.step));
      svg.append(line);
    }
  }
  for (const point of past) {
    const dot = shape("circle", { class: "superseded", cx: scale.x(point.step), cy: y(point.value), r: 2 });
    dot.append(shape("title", {}, point.name + " at step " + point.step + ": " + number(point.value)
      + ", superseded (attempt " + point.attempt + ")"));
    svg.append(dot);
  }
  curves.forEach(({ points }, index) => {
    const color = "c" + (index % 3);
    const banded = points.filter((point) => point.lower !== null && point.upper !== null);
    if (banded.length > 1) {
      const edge = [...banded.map((point) => [point.step, point.upper]),
        ...banded.toReversed().map((point) => [point.step, point.lower])];
      svg.append(shape("polygon", { class: "band " + color, points: path(edge, scale.x, y) }));
    }
    svg.append(shape("polyline", { class: "curve " + color, points: path(points.map((point) => [point.step, point.value]), scale.x, y) }));
    const last = points[points.length - 1];
    svg.append(shape("circle", { class: color, cx: scale.x(last.step), cy: y(last.value), r: 3 }));
  });
  const caption = element("figcaption");
  curves.forEach(({ series }, index) => {
    caption.append(element("span", "key c" + (index % 3)), document.createTextNode((series.reference ? "to " + series.reference : words(series.statistic)) + " "));
  });
  if (past.length > 0) caption.append(element("span", "key superseded"), document.createTextNode("superseded"));
  figure.append(svg, caption);
  return figure;
}

function path(points, x, y) {
  return points.map(([step, value]) => x(step).toFixed(1) + "," + y(value).toFixed(1)).join(" ");
}

function panel(run) {
  const section = element("section", "run");
  const head = element("div", "top");
  head.append(element("h2", "", run.display_name), badge(run.verdict.state, BADGES[run.verdict.state] || "quiet"));
  for (const flag of run.flags) if (flag.raised) head.append(badge(flag.flag + ", step " + flag.step, BADGES[flag.flag] || "bad"));
  section.append(head, element("p", "why", run.verdict.why));
  const charts = element("div", "charts");
  for (const kind of CHARTS) {
    const figure = chart(run, kind);
    if (figure) charts.append(figure);
  }
  section.append(charts);
  const lines = [
    ...run.attempts.map((attempt) => attempt.message),
    ...(run.weights === null ? [] : ["weights: " + run.weights]),
    ...run.flags.filter((flag) => flag.evidence !== null).map((flag) =>
      words(flag.flag) + (flag.raised ? " raised" : " cleared") + " at step " + flag.step + ": " + flag.evidence),
    ...run.messages.slice(0, 5).map((message) => message.reason + ": " + message.message),
    ...run.notes,
  ];
  if (lines.length > 0) {
    const list = element("ul", "notes");
    for (const line of lines) list.append(element("li", "", line));
    section.append(list);
  }
  return section;
}

async function refresh() {
  const status = document.getElementById("status");
  try {
    const response = await fetch("api/v1/runs?points=400");
    if (!response.ok) throw new Error("status " + response.status);
    const { runs } = await response.json();
    status.className = "";
    status.textContent = runs.length === 0 ? "No run yet."
      : runs.length + (runs.length === 1 ? " run" : " runs") + ", refreshed every 2 seconds.";
    document.getElementById("overview").replaceChildren(...(runs.length === 0 ? [] : [overview(runs)]));
    document.getElementById("runs").replaceChildren(...runs.map(panel));
  } catch (failure) {
    status.className = "stale";
    status.textContent = "The monitor does not answer (" + failure.message + "); what is shown is old.";
  }
  setTimeout(refresh, EVERY);
}

refresh();
