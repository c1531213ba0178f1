// Shows /api/v1/runs as a table and curves. All text goes through textContent: nothing that a file
// name or a run says is ever read as markup.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const EVERY = 2000;
const CHARTS = [
  { signal: "train_affinity", title: "Train affinity (share)" },
  { signal: "nearest_ratio", title: "Nearest ratio (share of copies)" },
  { signal: "pfd", title: "Probability flow distance" },
  { signal: "denoising_gap", title: "Denoising gap" },
];
/** What rests on a hold-out set that is like the training set. */
const ON_HOLDOUT = ["train_affinity", "denoising_gap"];
const DIFFER = "not to be trusted: train and hold-out differ";
/** What a share is compared with. */
const CHANCES = { train_affinity: "chance", nearest_ratio: "control" };
const COLORS = 4;
const ROWS = 8;
/** Width of a digit in a chart's labels. */
const DIGIT = 6.8;
const STEP_WORDS = { updates: "step", kimg: "kimg", epochs: "epoch" };
const BADGES = {
  learning: "good", early_memorization: "watch", memorizing: "bad", memorization: "bad", overfitting: "bad", double_descent: "watch",
};

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

/** As many digits in every row of a table: 3.895, 0.003. */
function fixed(value) {
  if (value === null || value === undefined) return "\u2013";
  return Math.abs(value) >= 1e5 ? value.toExponential(2) : value.toFixed(3);
}

/** A value with its standard error, as in the console: 3.895 \u00b1 0.020. */
function withError(estimate) {
  return fixed(estimate.value)
    + (estimate.value === null || estimate.standard_error === null ? "" : " \u00b1 " + fixed(estimate.standard_error));
}

/** A time of the day where the page is looked at. */
function timeOfDay(instant) {
  return new Date(instant).toLocaleTimeString("en-GB");
}

function stepWord(run) {
  return STEP_WORDS[run.steps.unit] || "step";
}

/** A step with its unit where that is no update: "step 100", "kimg 2500". */
function atStep(run, step) {
  return stepWord(run) + " " + step;
}

/** A large number for people: 3.9M. */
function compact(value) {
  return new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 }).format(value);
}

function images(run, step) {
  return run.steps.images === null ? "" : compact(step * run.steps.images) + " training images";
}

function duration(seconds) {
  if (seconds < 120) return Math.round(seconds) + " s";
  if (seconds < 3600) return Math.round(seconds / 60) + " min";
  return seconds < 172800 ? (seconds / 3600).toFixed(1) + " h" : Math.round(seconds / 86400) + " d";
}

/** What the checkpoints ended as that were not evaluated. */
function others({ counts }, withReasons) {
  const reasons = Object.entries(counts.skipped_by_reason).map(([reason, count]) => count + " " + words(reason));
  return ["skipped", "vanished", "incomplete", "failed"].filter((outcome) => counts[outcome] > 0)
    .map((outcome) => counts[outcome] + " " + outcome
      + (withReasons && outcome === "skipped" ? " (" + reasons.join(", ") + ")" : ""));
}

function badge(label, kind) {
  return element("span", "badge " + kind, words(label));
}

function seriesName(series) {
  return words(series.signal) + (series.reference ? " to " + series.reference : "")
    + (series.sigma === null ? "" : " at sigma " + number(series.sigma));
}

/** The series of the tables: one value per checkpoint, not one per noise level. */
function plain(run) {
  return run.series.filter((series) => series.sigma === null && series.points.length > 0);
}

function overview(runs) {
  const names = [...new Set(runs.flatMap((run) => plain(run).map(seriesName)))];
  const table = element("table");
  table.append(element("caption", "", "Latest final estimates \u00b1 standard errors, with their 95 % intervals"));
  const head = element("tr");
  for (const title of ["Run", "Verdict", "Flags"]) head.append(element("th", "", title));
  for (const title of ["Step", "Lag", "Evaluated", ...names]) head.append(element("th", "number", title));
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
  name.append(element("small", "", doing(run) + (run.end_cause === null ? "" : ": " + run.end_cause)));
  if (!run.source.up) name.append(element("small", "bad", "source problem"));
  const verdict = element("td");
  verdict.append(badge(run.verdict.state, BADGES[run.verdict.state] || "quiet"));
  if (run.verdict.best_step !== null) verdict.append(element("small", "", "best: " + atStep(run, run.verdict.best_step)));
  const flags = element("td");
  const raised = run.flags.filter((flag) => flag.raised);
  for (const flag of raised) flags.append(badge(flag.flag, BADGES[flag.flag] || "bad"), element("small", "", "since " + atStep(run, flag.step)));
  if (raised.length === 0) flags.textContent = "none";
  const step = element("td", "number", run.evaluated_step === null ? "\u2013"
    : run.evaluated_step + (run.steps.unit === "updates" ? "" : " " + run.steps.unit));
  if (run.evaluated_images !== null && run.evaluated_images > 0) step.append(element("small", "", compact(run.evaluated_images) + " images"));
  if (run.sampled_step !== null && run.sampled_step !== run.evaluated_step) step.append(element("small", "", "sampled " + run.sampled_step));
  if (run.found_step !== null) step.append(element("small", "", "found " + run.found_step));
  if (run.attempt > 1) step.append(element("small", "", "attempt " + run.attempt));
  const lag = element("td", "number", duration(run.lag.seconds));
  if (run.counts.waiting > 0) lag.append(element("small", "", run.counts.waiting + " waiting"));
  const counts = element("td", "number", run.counts.evaluated + " of " + run.counts.total);
  for (const outcome of others(run, false)) counts.append(element("small", "", outcome));
  line.append(name, verdict, flags, step, lag, counts);
  for (const title of names) {
    const cell = element("td", "number");
    const series = plain(run).find((candidate) => seriesName(candidate) === title);
    if (series) {
      const last = series.points[series.points.length - 1];
      cell.textContent = withError(last);
      if (last.lower !== null) cell.append(element("small", "", "[" + fixed(last.lower) + ", " + fixed(last.upper) + "]"));
    } else {
      cell.textContent = "\u2013";
    }
    line.append(cell);
  }
  return line;
}

/** What is done once before the first evaluation: "preparing: ..., block 3 of 8". */
function preparing({ what, done, total }) {
  return "preparing: " + what + (total === 1 ? "" : ", block " + done + " of " + total);
}

function resting(run) {
  return "resting for the budget until " + timeOfDay(run.resting_until);
}

/** The state, with how far what is being done has come. */
function doing(run) {
  if (run.state === "preparing") return preparing(run.preparation);
  if (run.state === "resting") return resting(run);
  return run.state + progress(run);
}

function progress(run) {
  if (!run.progress || run.progress.total <= 0) return "";
  const what = run.progress.step === null ? run.progress.checkpoint : atStep(run, run.progress.step);
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
  const curves = run.series.filter((series) => series.signal === signal)
    .map((series) => ({ series, points: series.points.filter((point) => point.value !== null) }))
    .filter((curve) => curve.points.length > 0);
  if (curves.length === 0) return null;
  const past = curves.flatMap(({ series }) => series.superseded.flatMap(({ attempt, points }) =>
    points.filter((point) => point.value !== null).map((point) => ({ ...point, attempt, name: seriesName(series) }))));
  const all = [...curves.flatMap((curve) => curve.points), ...past];
  const values = all.flatMap((point) => [point.value, point.lower ?? point.value, point.upper ?? point.value]);
  const chances = curves.map(({ series }) => series.chance).filter((chance) => chance !== null);
  const low = Math.min(0, ...values, ...chances);
  const high = Math.max(...values, ...chances);
  // Room for the longer of the two numbers beside the axis, with its sign.
  const left = Math.max(44, 12 + DIGIT * Math.max(number(low).length, number(high).length));
  const [right, top, bottom] = [330, 10, 150];
  const scale = stepScale(all.map((point) => point.step), left, right);
  const y = (value) => bottom - (bottom - top) * (value - low) / (high - low || 1);
  const figure = element("figure");
  const differ = run.holdout_check_passed === false && ON_HOLDOUT.includes(signal);
  figure.append(element("h3", "", title));
  if (differ) figure.append(element("p", "problem", DIFFER));
  const svg = shape("svg", { viewBox: "0 0 340 170", role: "img",
    "aria-label": title + " over training step, latest value " + number(curves[0].points[curves[0].points.length - 1].value) });
  svg.append(shape("line", { class: "axis", x1: left, y1: bottom, x2: right, y2: bottom }),
    shape("line", { class: "axis", x1: left, y1: top, x2: left, y2: bottom }),
    shape("text", { x: left - 5, y: top + 6, "text-anchor": "end" }, number(high)),
    shape("text", { x: left - 5, y: bottom, "text-anchor": "end" }, number(low)),
    shape("text", { x: left, y: bottom + 15 }, String(scale.least)),
    shape("text", { x: right, y: bottom + 15, "text-anchor": "end" }, String(scale.most)),
    shape("text", { x: (left + right) / 2, y: bottom + 15, "text-anchor": "middle" },
      stepWord(run) + (scale.logarithmic ? " (log)" : "")));
  if (low < 0) svg.append(shape("line", { class: "axis", x1: left, y1: y(0), x2: right, y2: y(0) }));
  for (const chance of chances) {
    svg.append(shape("line", { class: "chance", x1: left, y1: y(chance), x2: right, y2: y(chance) }),
      shape("text", { x: right, y: y(chance) + (y(chance) > bottom - 14 ? -4 : 12), "text-anchor": "end" }, CHANCES[signal] + " " + fixed(chance)));
  }
  for (const flag of run.flags) {
    if (flag.raised && flag.step >= scale.least && flag.step <= scale.most) {
      const line = shape("line", { class: "flag", x1: scale.x(flag.step), y1: top, x2: scale.x(flag.step), y2: bottom });
      line.append(shape("title", {}, words(flag.flag) + " raised at " + atStep(run, flag.step)));
      svg.append(line);
    }
  }
  for (const point of past) {
    const dot = shape("circle", { class: "superseded", cx: scale.x(point.step), cy: y(point.value), r: 2 });
    dot.append(shape("title", {}, point.name + " at " + atStep(run, point.step) + ": " + number(point.value)
      + ", superseded (attempt " + point.attempt + ")"));
    svg.append(dot);
  }
  curves.forEach(({ series, points }, index) => {
    const color = "c" + (index % COLORS);
    const banded = points.filter((point) => point.lower !== null && point.upper !== null);
    if (banded.length > 1) {
      const edge = [...banded.map((point) => [point.step, point.upper]),
        ...banded.toReversed().map((point) => [point.step, point.lower])];
      svg.append(shape("polygon", { class: "band " + color, points: path(edge, scale.x, y) }));
    }
    svg.append(shape("polyline", { class: "curve " + color, points: path(points.map((point) => [point.step, point.value]), scale.x, y) }));
    const last = points[points.length - 1];
    svg.append(shape("circle", { class: color, cx: scale.x(last.step), cy: y(last.value), r: 3 }));
    for (const point of points) {
      const target = shape("circle", { class: "target", cx: scale.x(point.step), cy: y(point.value), r: 5 });
      target.append(shape("title", {}, [seriesName(series) + ": " + number(point.value), atStep(run, point.step),
        images(run, point.step)].filter((part) => part).join(", ")));
      svg.append(target);
    }
  });
  const caption = element("figcaption");
  curves.forEach(({ series }, index) => {
    const label = element("span", "label");
    label.append(element("span", "key c" + (index % COLORS)), series.sigma !== null ? "sigma " + number(series.sigma)
      : series.reference ? "to " + series.reference : words(series.statistic));
    caption.append(label, " ");
  });
  if (past.length > 0) caption.append(element("span", "key superseded"), document.createTextNode("superseded"));
  figure.append(svg, caption);
  return figure;
}

function path(points, x, y) {
  return points.map(([step, value]) => x(step).toFixed(1) + "," + y(value).toFixed(1)).join(" ");
}

function tile(title, value, detail) {
  const box = element("div");
  box.append(element("dt", "", title), element("dd", "", value));
  if (detail) box.append(element("dd", "detail", detail));
  return box;
}

/** How far the evaluation is behind the training, and what became of every checkpoint. */
function tiles(run) {
  const list = element("dl", "tiles");
  const { lag, counts } = run;
  const step = (value) => (value === null ? "\u2013" : String(value));
  list.append(
    tile("Lag", duration(lag.seconds), lag.oldest_step === null ? "nothing waits" : "oldest: " + atStep(run, lag.oldest_step)),
    tile("Waiting", String(counts.waiting), counts.evaluating > 0 ? counts.evaluating + " being evaluated" : ""),
    tile("Newest " + stepWord(run), step(run.found_step), run.found_step === null ? "" : images(run, run.found_step)),
    tile("Evaluated " + stepWord(run), step(run.evaluated_step),
      run.sampled_step !== null && run.sampled_step !== run.evaluated_step ? "sampled: " + run.sampled_step : ""),
    tile("Checkpoints evaluated", counts.evaluated + " of " + counts.total,
      others(run, true).join(", ")));
  return list;
}

/** The latest evaluations. Of some only the denoising losses were measured: no samples, no values. */
function results(run) {
  const key = (value) => words(value.signal) + (value.reference ? " to " + value.reference : "");
  const names = [...new Set(run.results.flatMap((result) => result.values.map(key)))];
  const table = element("table", "results");
  table.append(element("caption", "", "Latest evaluations, \u00b1 standard errors"));
  const head = element("tr");
  for (const title of [stepWord(run), ...(run.steps.images === null ? [] : ["images"]), ...names]) head.append(element("th", "number", title));
  head.append(element("th", "", "standing"));
  for (const cell of head.children) cell.scope = "col";
  table.append(element("thead"));
  table.tHead.append(head);
  const body = element("tbody");
  for (const result of run.results.slice(0, ROWS)) {
    const line = element("tr", result.sampled ? "" : "losses");
    line.append(element("td", "number", result.step === null ? result.checkpoint : String(result.step)));
    if (run.steps.images !== null) line.append(element("td", "number", result.step === null ? "" : compact(result.step * run.steps.images)));
    for (const title of names) {
      const value = result.values.find((candidate) => key(candidate) === title);
      line.append(element("td", "number", value ? withError(value) : ""));
    }
    line.append(element("td", "", result.standing === "losses_only" ? "denoising losses only" : words(result.standing)));
    body.append(line);
  }
  table.append(body);
  const box = element("div", "scroll");
  box.append(table);
  return box;
}

/** By run: what the monitor told, when it was asked, and the checkpoint that a person chose. */
const EVIDENCE = new Map();

/** The worst samples of the newest checkpoint, or of one that was chosen. Asked for when there is news. */
function evidence(run) {
  const known = EVIDENCE.get(run.run) || { box: element("div", "evidence"), asked: null, chosen: null, shown: null };
  EVIDENCE.set(run.run, known);
  const news = run.updated_at + " " + run.sampled_step;
  if (known.asked !== news) {
    known.asked = news;
    fetch("api/v1/runs/" + encodeURIComponent(run.run) + "/evidence")
      .then((response) => (response.ok ? response.json() : Promise.reject(new Error("status " + response.status))))
      .then((answer) => showEvidence(run, known, answer))
      .catch(() => { known.asked = null; });
  }
  return known.box;
}

function showEvidence(run, known, { evidence: all }) {
  if (all.length === 0) return known.box.replaceChildren();
  const newest = all.reduce((last, one) => (one.at > last.at ? one : last));
  const key = (one) => one.step + " " + one.checkpoint;
  const chosen = all.find((one) => key(one) === known.chosen) || newest;
  // Drawn anew only where it changed: a person may be choosing, or reading.
  const state = JSON.stringify([all.map(key), chosen]);
  if (known.shown === state) return undefined;
  known.shown = state;
  const label = element("label", "", "Checkpoint ");
  const choice = element("select");
  const options = [["", "newest: " + checkpointName(run, newest)], ...all.map((one) => [key(one), checkpointName(run, one)])];
  for (const [value, text] of options) {
    const option = element("option", "", text);
    option.value = value;
    option.selected = value === (chosen === newest && known.chosen === null ? "" : key(chosen));
    choice.append(option);
  }
  choice.addEventListener("change", () => {
    known.chosen = choice.value === "" ? null : choice.value;
    choice.blur();
    showEvidence(run, known, { evidence: all });
  });
  label.append(choice);
  known.box.replaceChildren(element("h3", "", "Evidence"), label);
  if (chosen.sheet !== null) {
    const image = element("img");
    // The time keeps a checkpoint that was evaluated again from showing its old sheet.
    image.src = chosen.sheet.slice(1) + "?" + encodeURIComponent(chosen.at);
    image.alt = chosen.worst.length + " samples of " + checkpointName(run, chosen)
      + ", each beside its nearest training image; the table has their distances";
    known.box.append(image);
  }
  known.box.append(evidenceTable(chosen));
  return undefined;
}

function checkpointName(run, one) {
  return (one.step === null ? one.checkpoint : atStep(run, one.step)) + (one.attempt > 1 ? ", attempt " + one.attempt : "");
}

function evidenceTable({ worst }) {
  const table = element("table", "results");
  table.append(element("caption", "", "The samples nearest to training points, by d1/d2; below 1/3 a sample counts as a copy"));
  const head = element("tr");
  for (const title of ["sample", "nearest train", "d1", "d2", "d1/d2", "duplicates", "nearest hold-out", "distance"]) {
    const cell = element("th", "number", title);
    cell.scope = "col";
    head.append(cell);
  }
  table.append(element("thead"));
  table.tHead.append(head);
  const body = element("tbody");
  for (const row of worst) {
    const line = element("tr");
    const index = (value) => (value === null ? "\u2013" : String(value));
    for (const text of [String(row.sample), String(row.nearest_train), number(row.d1), number(row.d2), fixed(row.ratio),
      row.group_size > 1 ? row.group_size + " times" : "none", index(row.nearest_holdout), number(row.holdout_distance)]) {
      line.append(element("td", "number", text));
    }
    body.append(line);
  }
  table.append(body);
  const box = element("div", "scroll");
  box.append(table);
  return box;
}

function panel(run) {
  const section = element("section", "run");
  const head = element("div", "top");
  head.append(element("h2", "", run.display_name), badge(run.verdict.state, BADGES[run.verdict.state] || "quiet"));
  for (const flag of run.flags) if (flag.raised) head.append(badge(flag.flag + ", " + atStep(run, flag.step), BADGES[flag.flag] || "bad"));
  section.append(head, element("p", "why", run.verdict.why
    + (run.end_cause === null ? "" : " \u2013 The run is over: " + run.end_cause + ".")));
  if (run.state === "preparing") section.append(element("p", "doing", "Preparing, before the first evaluation: "
    + preparing(run.preparation).replace("preparing: ", "") + "."));
  if (run.state === "resting") section.append(element("p", "doing", run.counts.waiting + " waiting; "
    + resting(run) + "."));
  if (!run.source.up) section.append(element("p", "problem", "Source problem: " + run.source.problem));
  if (run.holdout_check_passed === false) section.append(element("p", "problem",
    ON_HOLDOUT.map(words).join(" and ") + " are " + DIFFER + ", and early memorization is not raised."));
  section.append(tiles(run));
  const charts = element("div", "charts");
  for (const kind of CHARTS) {
    const figure = chart(run, kind);
    if (figure) charts.append(figure);
  }
  section.append(charts);
  if (run.results.length > 0) section.append(results(run));
  section.append(evidence(run));
  const lines = [
    ...run.attempts.map((attempt) => attempt.message),
    ...(run.weights === null ? [] : ["weights: " + run.weights]),
    ...run.flags.filter((flag) => flag.evidence !== null).map((flag) =>
      words(flag.flag) + (flag.raised ? " raised" : " cleared") + " at " + atStep(run, flag.step) + ": " + flag.evidence),
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
    // Not under the hands of a person who is choosing a checkpoint.
    if (!(document.activeElement instanceof HTMLSelectElement)) {
      document.getElementById("runs").replaceChildren(...runs.map(panel));
    }
  } catch (failure) {
    status.className = "stale";
    status.textContent = "The monitor does not answer (" + failure.message + "); what is shown is old.";
  }
  setTimeout(refresh, EVERY);
}

refresh();
