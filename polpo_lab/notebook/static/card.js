// The live card: draws the traits that card_summary makes, appends output as it comes, and
// sends what the buttons ask for. All text is set through textContent.

const ACTIONS = [
  ["run", "Run"],
  ["kill", "Kill"],
  ["retry", "Retry"],
  ["reassess", "Reassess"],
  ["approve", "Approve"],
  ["reject", "Reject"],
];
const ALWAYS_SHOWN = new Set(["kill", "retry", "reassess"]);
const HEARD_WITHIN_MS = 1500;

function seconds(ms) {
  const s = Math.max(0, ms) / 1000;
  if (s < 60) return `${s.toFixed(1)} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(s % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function verdict(passed, judged = true) {
  if (passed === true) return ["polpo-pass", "✓ passed"];
  if (passed === false) return ["polpo-fail", "✗ failed"];
  return ["polpo-unknown", judged ? "? not judged" : "–"];
}

function scoreOf(score) {
  const box = make("span", "polpo-score");
  if (score === null || score === undefined) return box;
  const bar = make("span", "polpo-bar");
  bar.setAttribute("aria-hidden", "true");
  const fill = make("span");
  fill.style.width = `${(100 * (score - 1)) / 4}%`;
  bar.append(fill);
  box.append(bar, make("span", "", `${score.toFixed(1)} of 5`));
  return box;
}

// ------------------------------------------------------------------ pieces of the card

function header(root) {
  const top = make("div", "polpo-top");
  const mark = make("span", "polpo-mark");
  mark.setAttribute("aria-hidden", "true");
  const title = make("span", "polpo-title");
  const state = make("span", "polpo-state");
  state.setAttribute("role", "status");
  state.setAttribute("aria-live", "polite");
  const clock = make("span", "polpo-clock");
  clock.setAttribute("aria-label", "elapsed time");
  top.append(mark, title, state, clock);
  const facts = make("div", "polpo-facts");
  const phases = make("div", "polpo-phases");
  root.append(top, facts, phases);

  const draw = (s) => {
    root.dataset.status = s.status;
    mark.textContent = MARKS[s.status] || "●";
    title.textContent = s.title;
    title.title = s.title;
    const words = [s.statusText];
    if (s.phase && s.status === "in_progress") words[0] = s.phase === "fix" ? "fixing" : "working";
    if (s.reason) words.push(s.reason);
    const text = words.join(": ");
    if (state.textContent !== text) state.textContent = text;
    // A retry by hand may go beyond those that are automatic.
    const most = s.attempt <= s.maxRetries + 1 ? ` of at most ${s.maxRetries + 1}` : "";
    const list = [`agent ${s.agent}`, `attempt ${s.attempt}${most}`];
    if (s.round) list.push(`fix ${s.round}`);
    if (s.kind === "escalated") list.push("escalated");
    if (s.model) list.push(`model ${s.model}`);
    list.push(s.taskId);
    facts.replaceChildren(...list.map((word) => make("span", "", word)));
    if (s.score !== null) facts.append(scoreOf(s.score));
  };
  const tick = (s, now) => {
    clock.textContent = s.since ? seconds((s.until || now) - s.since) : "";
    phases.replaceChildren(
      ...(s.phases || []).map((p) => {
        const chip = make("span", p.end ? "polpo-phase" : "polpo-phase polpo-now");
        chip.append(make("span", "", p.phase), make("b", "", seconds((p.end || now) - p.start)));
        return chip;
      }),
    );
  };
  return { draw, tick };
}

function buttons(root, model, act) {
  const bar = make("div", "polpo-buttons");
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "actions");
  const reply = make("form", "polpo-reply");
  reply.hidden = true;
  const field = make("input");
  field.type = "text";
  field.placeholder = "Why? The agent of a re-run is shown this";
  field.setAttribute("aria-label", "feedback for the rejection");
  const send = make("button", "polpo-danger", "Reject");
  send.type = "submit";
  const cancel = make("button", "", "Cancel");
  cancel.type = "button";
  reply.append(field, send, cancel);
  const made = new Map();
  for (const [action, word] of ACTIONS) {
    const button = make("button", `polpo-${action}`, word);
    button.type = "button";
    button.addEventListener("click", () => {
      if (action !== "reject") return act(action, "");
      reply.hidden = false;
      field.focus();
    });
    made.set(action, button);
    bar.append(button);
  }
  cancel.addEventListener("click", () => {
    reply.hidden = true;
    made.get("reject").focus();
  });
  // JupyterLab's own shortcuts must not take the keys typed here.
  field.addEventListener("keydown", (event) => event.stopPropagation());
  reply.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!field.value.trim()) return field.focus();
    reply.hidden = true;
    act("reject", field.value);
    field.value = "";
  });
  const { button, code } = showCode("polpo-show-code", "polpo-code");
  bar.append(button);
  root.append(bar, reply, code);
  return (s) => {
    const legal = new Set(s.actions);
    for (const [action, button] of made) {
      button.disabled = !legal.has(action);
      button.hidden = !legal.has(action) && (s.recorded || !ALWAYS_SHOWN.has(action));
    }
    if (!legal.has("reject")) reply.hidden = true;
    code.textContent = model.get("code");
  };
}

function messages(root, model) {
  const list = make("div", "polpo-messages");
  list.setAttribute("role", "status");
  list.setAttribute("aria-live", "polite");
  root.append(list);
  const own = new Map();
  const draw = () => {
    const texts = [...(model.get("notices") || []), ...own.values()];
    list.replaceChildren(...texts.map((text) => make("div", "", text)));
  };
  return {
    draw,
    set: (key, text) => (own.set(key, text), draw()),
    drop: (key) => own.delete(key) && draw(),
  };
}

function toolElement(tool) {
  const details = make("details", tool.error ? "polpo-tool polpo-tool-failed" : "polpo-tool");
  const summary = make("summary");
  summary.append(make("b", "", cleanText(tool.tool)));
  const first = cleanText((tool.input || "").replace(/\s+/g, " ")).slice(0, 90);
  if (first) summary.append(make("span", "polpo-dim", ` ${first}`));
  if (tool.ms !== null && tool.ms !== undefined)
    summary.append(make("span", "polpo-dim", ` · ${seconds(tool.ms)}`));
  if (tool.error) summary.append(make("span", "polpo-fail", " · failed"));
  details.append(summary);
  for (const [name, text] of [
    ["input", tool.input],
    ["output", tool.output],
    ["error", tool.error],
  ]) {
    if (!text) continue;
    details.append(make("div", "polpo-label", name));
    details.append(make("pre", "", text.split("\n").map(cleanText).join("\n")));
  }
  return details;
}

function output(root, model) {
  const frame = make("div", "polpo-output");
  const note = make("div", "polpo-left-out");
  note.hidden = true;
  const pane = make("div", "polpo-pane");
  pane.tabIndex = 0;
  pane.setAttribute("role", "log");
  pane.setAttribute("aria-label", "output of the agent");
  pane.setAttribute("aria-live", "off");
  const chip = make("button", "polpo-follow", "↓ Follow");
  chip.type = "button";
  chip.hidden = true;
  frame.append(note, pane, chip);
  frame.hidden = true;
  root.append(frame);
  const log = new TerminalLog(pane);
  let following = true;
  let skipped = 0;

  const toEnd = () => {
    pane.scrollTop = pane.scrollHeight;
  };
  const look = () => {
    following = pane.scrollHeight - pane.scrollTop - pane.clientHeight < 12;
    chip.hidden = following;
  };
  pane.addEventListener("scroll", look);
  chip.addEventListener("click", () => {
    following = true;
    chip.hidden = true;
    toEnd();
    pane.focus();
  });
  const leftOut = () => {
    const count = skipped + log.removed;
    note.hidden = count === 0;
    const id = (model.get("summary") || {}).taskId;
    note.textContent =
      `${count.toLocaleString("en")} lines are not shown here; the store keeps all: ` +
      `lab.tasks.follow('${id}')`;
  };
  const put = (part) => {
    if (part.kind === "tool") log.insert(toolElement(part.tool));
    else if (part.kind === "mark") log.insert(make("div", "polpo-divider", part.text));
    else log.write(part.kind, part.text);
  };
  const write = (batch) => {
    if (batch.skipped) {
      skipped += batch.skipped;
      const words = `… ${batch.skipped.toLocaleString("en")} lines left out …`;
      if (pane.childElementCount) log.insert(make("div", "polpo-gap", words));
    }
    batch.parts.forEach(put);
    if (pane.childElementCount) frame.hidden = false;
    leftOut();
    if (following) toEnd();
  };
  // A scroll is told of later: output that comes in between must not undo it.
  const append = (batch) => {
    look();
    write(batch);
  };
  const replace = (tail) => {
    look();
    log.clear();
    skipped = 0;
    write(tail);
  };
  return { append, replace };
}

function fold(root, title, className) {
  const details = make("details", className);
  const summary = make("summary", "", title);
  const body = make("div");
  details.append(summary, body);
  details.hidden = true;
  root.append(details);
  return { details, summary, body };
}

function checkElement(check) {
  const [className, words] = verdict(check.passed);
  const row = make("details", "polpo-check");
  const summary = make("summary");
  summary.append(make("span", `polpo-verdict ${className}`, words));
  const name = make("span", "polpo-name", check.name);
  for (const tag of check.tags) name.append(make("span", "polpo-tag", tag));
  summary.append(name, scoreOf(check.score));
  row.append(summary);
  if (check.message) row.append(make("p", "", check.message));
  for (const reviewer of check.reviewers) {
    const line = make("div", "polpo-reviewer");
    line.append(make("span", "polpo-name", reviewer.name), scoreOf(reviewer.score));
    const dimensions = reviewer.scores.map((s) => `${s.dimension} ${s.score ?? "–"}`).join(", ");
    const said = [dimensions, reviewer.text].filter(Boolean).join(": ");
    line.append(make("p", reviewer.failed ? "polpo-fail" : "polpo-dim", said));
    row.append(line);
  }
  if (check.evidence) row.append(make("pre", "", check.evidence));
  if (row.childElementCount === 1) row.classList.add("polpo-flat");
  return row;
}

function checks(root, model) {
  const { details, summary, body } = fold(root, "Checks", "polpo-section");
  details.open = true;
  return () => {
    const all = model.get("checks") || [];
    details.hidden = all.length === 0;
    const gates = all.filter((check) => !check.tags.includes("outcome"));
    const passed = gates.filter((check) => check.passed).length;
    summary.textContent = `Checks: ${passed} of ${gates.length} passed`;
    body.replaceChildren(...all.map(checkElement));
  };
}

function attempts(root, model) {
  const { details, summary, body } = fold(root, "Attempts", "polpo-section");
  details.open = true;
  return () => {
    const all = model.get("attempts") || [];
    details.hidden = all.length < 2;
    summary.textContent = `Attempts: ${all.length} rounds`;
    body.replaceChildren(
      ...all.map((a) => {
        const row = make("div", "polpo-attempt");
        const [className, words] = verdict(a.passed, a.judged);
        const bad = a.exit && a.exit !== "ok";
        const verdictText = a.exit ? (bad ? `✗ ${a.exit}` : words) : "running";
        const name = `${a.attempt}${a.round ? ` · fix ${a.round}` : ""}`;
        row.append(
          make("span", "polpo-name", a.kind === "first" || a.round ? name : `${name} · ${a.kind}`),
          make("span", "polpo-dim", a.agent),
          make("span", `polpo-verdict ${a.exit ? (bad ? "polpo-fail" : className) : ""}`, verdictText),
          scoreOf(a.score),
          make("span", "polpo-dim", a.seconds === null ? "" : seconds(1000 * a.seconds)),
        );
        if (a.feedback) row.title = a.feedback;
        return row;
      }),
    );
  };
}

function result(root) {
  const { details, summary, body } = fold(root, "Result", "polpo-section");
  return (s) => {
    const given = s.result;
    details.hidden = !given || !(given.content || given.error || given.files.length);
    if (details.hidden) return;
    const count = given.files.length + given.moreFiles;
    summary.textContent = count ? `Result, ${count} file${count === 1 ? "" : "s"}` : "Result";
    const parts = [];
    if (given.files.length) parts.push(make("p", "polpo-dim", given.files.join(", ")));
    if (given.error) parts.push(make("pre", "polpo-fail", given.error));
    if (given.content) parts.push(make("pre", "", given.content));
    body.replaceChildren(...parts);
  };
}

// ------------------------------------------------------------------ the card

function render({ model, el }) {
  const root = make("section", "polpo-card");
  root.setAttribute("aria-label", "task");
  el.append(root);
  const head = header(root);
  const waiting = new Map();
  let told;
  const act = (action, feedback) => {
    const id = newId();
    model.send({ kind: "action", id, action, feedback });
    told.set(id, `${action}: sent`);
    waiting.set(
      id,
      setTimeout(
        () =>
          told.set(
            id,
            `${action}: the kernel has not taken it yet. Here buttons act when the running cell ends.`,
          ),
        HEARD_WITHIN_MS,
      ),
    );
  };
  const drawButtons = buttons(root, model, act);
  told = messages(root, model);
  const log = output(root, model);
  const drawAttempts = attempts(root, model);
  const drawChecks = checks(root, model);
  const drawResult = result(root);
  const foot = make("div", "polpo-foot");
  root.append(foot);

  let offset = 0; // the kernel's clock may not be the page's
  const summary = () => model.get("summary") || {};
  const tick = () => head.tick(summary(), Date.now() - offset);
  const drawSummary = () => {
    head.draw(summary());
    drawButtons(summary());
    drawResult(summary());
    tick();
  };
  const drawFoot = () => {
    const sandbox = model.get("sandbox");
    foot.textContent = sandbox ? `sandbox: ${sandbox}` : "";
  };
  const drawers = {
    "change:summary": drawSummary,
    "change:code": drawSummary,
    "change:checks": drawChecks,
    "change:attempts": drawAttempts,
    "change:notices": told.draw,
    "change:sandbox": drawFoot,
  };
  const hello = newId();
  let complete = false; // whether every batch since the first has been drawn
  let lastSeq = 0;
  const receive = (message) => {
    if (message.kind === "output") {
      if (message.seq <= lastSeq) return;
      if (message.seq === 1) complete = true;
      lastSeq = message.seq;
      log.append(message);
    } else if (message.kind === "tail" && message.id === hello) {
      offset = Date.now() - message.now;
      if (!complete) log.replace(message);
      lastSeq = Math.max(lastSeq, message.seq);
    } else if (message.kind === "heard" || message.kind === "result") {
      clearTimeout(waiting.get(message.id));
      told.drop(message.id);
    }
  };
  model.on("msg:custom", receive);
  Object.entries(drawers).forEach(([event, draw]) => (model.on(event, draw), draw()));
  const timer = setInterval(() => !summary().until && tick(), 100);
  const showSavedPage = hideSavedPage(model.get("saved_key") || "none");
  model.send({ kind: "hello", id: hello });
  return () => {
    clearInterval(timer);
    waiting.forEach((pending) => clearTimeout(pending));
    model.off("msg:custom", receive);
    Object.entries(drawers).forEach(([event, draw]) => model.off(event, draw));
    showSavedPage();
  };
}

export default { render };
