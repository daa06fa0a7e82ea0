// The board of an experiment: what is said around its grid, the buttons, the repeats of a cell.
// All text is set through textContent.

const HEARD_WITHIN_MS = 1500;
// What is sent before the page has a subshell waits for the running cell: it is asked again.
const ASK_AGAIN_MS = 1000;
const BUTTONS = [
  ["pause", "Pause", "Start no further trial until resumed"],
  ["resume", "Resume", "Go on"],
  ["stop", "Stop", "Start no further trial; those that run come to their end"],
  ["leave", "Stop, leave what runs", "Stop at once; what runs goes on at its server, and is taken up by the next run"],
];

function runHead(root) {
  const top = make("div", "polpo-exp-top");
  const name = make("span", "polpo-exp-title");
  const state = make("span", "polpo-exp-state");
  state.setAttribute("role", "status");
  state.setAttribute("aria-live", "polite");
  top.append(name, state);
  const bar = make("div", "polpo-exp-progress");
  bar.setAttribute("aria-hidden", "true");
  const counts = make("div", "polpo-exp-counts");
  const facts = make("div", "polpo-exp-facts");
  root.append(top, bar, counts, facts);
  return (s) => {
    root.dataset.state = s.state;
    name.textContent = s.name;
    if (state.textContent !== s.stateText) state.textContent = s.stateText;
    paintCell(bar, s.counts.map(([, , n]) => n));
    const told = [make("span", "", `${s.ended.toLocaleString("en")} of ${s.planned.toLocaleString("en")} trials ended`)];
    for (const [standing, words, n] of s.counts) {
      if (!n) continue;
      const chip = make("span", "polpo-exp-count", `${words} ${n.toLocaleString("en")}`);
      chip.dataset.standing = standing;
      told.push(chip);
    }
    counts.replaceChildren(...told);
    facts.replaceChildren(...s.facts.map((fact) => make("span", "", fact)), ...s.budget.map(budgetMeter));
  };
}

function budgetMeter({ text, share }) {
  const item = make("span", "polpo-exp-budget");
  const bar = make("span", share >= 0.9 ? "polpo-exp-meter polpo-exp-nearly" : "polpo-exp-meter");
  bar.setAttribute("aria-hidden", "true");
  const fill = make("span");
  fill.style.width = `${100 * share}%`;
  bar.append(fill);
  item.append(make("span", "", text), bar);
  return item;
}

function runButtons(root, model) {
  const bar = make("div", "polpo-exp-buttons");
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "actions");
  const said = make("div", "polpo-exp-said");
  said.setAttribute("role", "status");
  const waiting = new Map();
  const made = new Map();
  for (const [action, word, what] of BUTTONS) {
    const button = make("button", `polpo-exp-${action}`, word);
    button.type = "button";
    button.title = what;
    button.addEventListener("click", () => {
      const id = newId();
      model.send({ kind: "action", id, action });
      const late = () => {
        waiting.set(id, `${word}: the kernel has not taken it yet. Here buttons act when the running cell ends.`);
        draw();
      };
      waiting.set(id, "");
      setTimeout(() => waiting.has(id) && late(), HEARD_WITHIN_MS);
    });
    made.set(action, button);
    bar.append(button);
  }
  const { button, code } = showCode("polpo-exp-show-code", "polpo-exp-code");
  bar.append(button);
  root.append(bar, code, said);
  const draw = () => {
    const legal = new Set((model.get("status") || {}).actions);
    for (const [action, button] of made) button.hidden = !legal.has(action);
    code.textContent = model.get("code");
    const texts = [model.get("notice"), ...waiting.values()].filter(Boolean);
    said.replaceChildren(...texts.map((text) => make("div", "", text)));
  };
  return { draw, heard: (id) => waiting.delete(id) && draw() };
}

function troubleList(root, model) {
  const details = make("details", "polpo-exp-troubles");
  const summary = make("summary");
  const list = make("ul");
  details.append(summary, list);
  details.open = true;
  root.append(details);
  return () => {
    const troubles = model.get("troubles") || [];
    details.hidden = troubles.length === 0;
    const total = troubles.reduce((sum, { count }) => sum + count, 0);
    summary.textContent = `Troubles: ${total.toLocaleString("en")}`;
    list.replaceChildren(
      ...troubles.map(({ count, message }) => {
        const item = make("li");
        item.append(make("b", "", `${count.toLocaleString("en")} ×`), make("span", "", message));
        return item;
      }),
    );
  };
}

function repeatList(root, model) {
  const box = make("div", "polpo-exp-repeats");
  box.setAttribute("role", "group");
  root.append(box);
  return () => {
    const { title, repeats, leftOut } = model.get("detail") || {};
    box.hidden = !repeats;
    if (!repeats) return;
    box.setAttribute("aria-label", `repeats of ${title}`);
    const focused = box.contains(document.activeElement) ? document.activeElement.value : null;
    const chips = repeats.map(({ trial, repeat, standing, text }) => {
      const chip = make("button", "polpo-exp-repeat", `${repeat}: ${text}`);
      chip.type = "button";
      chip.value = trial;
      chip.dataset.standing = standing;
      chip.title = `trial ${trial}`;
      chip.disabled = standing === "todo";
      chip.setAttribute("aria-pressed", String(trial === model.get("selected")));
      chip.addEventListener("click", () => model.send({ kind: "open", trial }));
      return chip;
    });
    const more = leftOut ? [make("span", "polpo-exp-note", `${leftOut} more: exp.frame("tasks")`)] : [];
    box.replaceChildren(make("b", "", title), ...chips, ...more);
    if (focused) [...box.children].find((chip) => chip.value === focused)?.focus();
  };
}

function render({ model, el }) {
  const root = make("section", "polpo-exp");
  root.setAttribute("aria-label", "experiment");
  el.append(root);
  const drawHead = runHead(root);
  const buttons = runButtons(root, model);
  const grid = new ExperimentGrid(root, (row, column) => model.send({ kind: "cell", row, column }));
  root.append(legend());
  const drawRepeats = repeatList(root, model);
  const drawTroubles = troubleList(root, model);
  const drawStatus = () => {
    drawHead(model.get("status"));
    buttons.draw();
  };
  const drawers = {
    "change:status": drawStatus,
    "change:code": buttons.draw,
    "change:notice": buttons.draw,
    "change:troubles": drawTroubles,
    "change:detail": drawRepeats,
    "change:selected": drawRepeats,
  };
  const hello = newId();
  let laidOut = false; // changes that come before the whole are in it
  const ask = () => model.send({ kind: "hello", id: hello });
  const asking = setInterval(ask, ASK_AGAIN_MS);
  const receive = (message) => {
    if (message.kind === "all") {
      clearInterval(asking);
      if (!laidOut) grid.layOut(message);
      laidOut = true;
    } else if (message.kind === "cells" && laidOut) grid.take(message.cells);
    else if (message.kind === "heard") buttons.heard(message.id);
  };
  model.on("msg:custom", receive);
  Object.entries(drawers).forEach(([event, draw]) => (model.on(event, draw), draw()));
  const showSavedPage = hideSavedPage(model.get("saved_key") || "none");
  ask();
  return () => {
    clearInterval(asking);
    grid.close();
    model.off("msg:custom", receive);
    Object.entries(drawers).forEach(([event, draw]) => model.off(event, draw));
    showSavedPage();
  };
}

export default { render };
