// The labelling widget: a round at a time, labelled by key. All text is set through textContent.

const KEYS = {
  "pass/fail": [["p", 1, "pass"], ["f", 0, "fail"]],
  "1-5": [1, 2, 3, 4, 5].map((score) => [String(score), score, String(score)]),
};
const HELP = "← → move · n next without a label · c comment · ⌫ take back";

function block(title, text) {
  const part = make("div", "polpo-label-block");
  part.append(make("h4", "", title), make("pre", "", text || "(nothing)"));
  return part;
}

function fileBlock(file, open) {
  const part = make("details", "polpo-label-file");
  part.open = open;
  part.append(make("summary", "", `${file.path} · ${file.size.toLocaleString("en")} B`));
  part.append(make("pre", "", file.note || file.text));
  return part;
}

function checkRow(check) {
  const row = make("li");
  if (check.verdict) row.append(make("strong", "", `${check.verdict} `));
  row.append(make("span", "", check.name));
  const more = check.says || (check.asks !== check.name ? check.asks : "");
  if (more) row.append(make("span", "polpo-label-quiet", ` ${more}`));
  return row;
}

function roundParts(round) {
  const parts = [make("h3", "", round.title)];
  if (round.about) parts.push(make("p", "polpo-label-quiet", round.about));
  if (round.others.length) parts.push(block("labels that disagree", round.others.join("\n")));
  parts.push(block("task", round.description));
  if (round.ended) parts.push(block("the run did not end well", round.ended));
  parts.push(block("result", round.result));
  const files = make("div", "polpo-label-block");
  files.append(make("h4", "", `files (${round.files.length + round.moreFiles})`));
  files.append(...round.files.map((file, place) => fileBlock(file, place < 3)));
  if (round.moreFiles) files.append(make("p", "polpo-label-quiet", `and ${round.moreFiles} more`));
  parts.push(files);
  if (round.checks.length) {
    const checks = make("div", "polpo-label-block");
    const list = make("ul");
    list.append(...round.checks.map(checkRow));
    checks.append(make("h4", "", "what is checked"), list);
    parts.push(checks);
  }
  return parts;
}

function render({ model, el }) {
  const head = model.get("head");
  const keys = KEYS[head.scale];
  const root = make("section", "polpo-label");
  root.setAttribute("aria-label", "labelling");
  root.tabIndex = 0;
  // JupyterLab's own keys (1 to 6, c, ...) would act on the cell.
  root.setAttribute("data-lm-suppress-shortcuts", "true");
  el.append(root);
  const bar = make("div", "polpo-label-bar");
  const status = make("span", "polpo-label-status");
  status.setAttribute("role", "status");
  const progress = make("progress");
  progress.max = head.total;
  progress.setAttribute("aria-label", "labelled");
  bar.append(status, progress);
  const body = make("div", "polpo-label-body");
  const foot = make("div", "polpo-label-foot");
  const trouble = make("div", "polpo-label-trouble");
  trouble.setAttribute("role", "alert");
  const comment = make("input");
  comment.type = "text";
  comment.placeholder = "comment (c), kept with the label";
  comment.setAttribute("aria-label", "comment");
  const buttons = keys.map(([key, value, word]) => {
    const button = make("button", "", word === key ? word : `${word} (${key})`);
    button.type = "button";
    button.value = String(value);
    button.addEventListener("click", () => label(value));
    return button;
  });
  foot.append(...buttons, comment, make("span", "polpo-label-quiet", HELP));
  root.append(bar, trouble, body, foot);

  let round = null;
  let waitsFor = null;
  const ask = (message) => {
    waitsFor = newId();
    model.send({ ...message, id: waitsFor });
  };
  const show = (place) => ask({ kind: "show", place });
  const move = (by) => round && show((round.place + by + head.total) % head.total);
  const label = (value) => {
    // One at a time: a key held down must not label rounds that were never seen.
    if (!round || waitsFor) return;
    ask({ kind: "label", place: round.place, label: value, comment: comment.value });
  };
  const drawHead = () => {
    const where = round ? ` · round ${round.place + 1}` : "";
    const what = head.adjudicates ? "settled" : "labelled";
    const seen = head.blind ? "" : " · verdicts in sight";
    status.textContent = `${model.get("done")} of ${head.total} ${what} by ${head.by}${where}${seen}`;
    progress.value = model.get("done");
  };
  const draw = () => {
    drawHead();
    body.replaceChildren(...roundParts(round));
    body.scrollTop = 0;
    comment.value = round.comment;
    for (const button of buttons) {
      const isChosen = round.label !== null && Number(button.value) === round.label;
      button.setAttribute("aria-pressed", String(isChosen));
    }
  };
  const receive = (message) => {
    if (message.id !== waitsFor) return;
    waitsFor = null;
    if (message.kind !== "round") trouble.textContent = "";
    if (message.kind === "refused") trouble.textContent = message.words;
    else if (message.kind === "round") {
      round = message;
      draw();
    } else if (message.label === null) {
      round = { ...round, label: null };
      draw();
    } else if (message.next === null) {
      show(message.place);
      trouble.textContent = "All are labelled, and kept.";
    } else show(message.next);
  };
  root.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === comment) {
      if (event.key === "Escape" || event.key === "Enter") root.focus();
      return;
    }
    const chosen = keys.find(([key]) => key === event.key.toLowerCase());
    if (chosen && !event.repeat) label(chosen[1]);
    else if (event.key === "ArrowLeft") move(-1);
    else if (event.key === "ArrowRight") move(1);
    else if (event.key === "n") show(null);
    else if (event.key === "c") comment.focus();
    else if (event.key === "Backspace" || event.key === "Delete") label(null);
    else return;
    event.preventDefault();
  });
  model.on("msg:custom", receive);
  model.on("change:done", drawHead);
  drawHead();
  const showSavedPage = hideSavedPage(model.get("saved_key") || "none");
  show(null);
  return () => {
    model.off("msg:custom", receive);
    model.off("change:done", drawHead);
    showSavedPage();
  };
}

export default { render };
