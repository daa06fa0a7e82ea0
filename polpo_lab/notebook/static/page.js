// What every widget here builds its page with. All text is set through textContent.

const MARKS = { done: "✓", failed: "✗", awaiting_approval: "⏸", draft: "○", pending: "…" };

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined && text !== null) element.textContent = text;
  return element;
}

function newId() {
  return `${Date.now()}-${Math.random().toString(36).slice(2)}`;
}

// A button that shows and hides the Python that does what a widget does.
function showCode(buttonClass, codeClass) {
  const code = make("pre", codeClass);
  code.hidden = true;
  code.tabIndex = 0;
  const button = make("button", buttonClass, "Show code");
  button.type = "button";
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => {
    code.hidden = !code.hidden;
    button.setAttribute("aria-expanded", String(!code.hidden));
    button.textContent = code.hidden ? "Show code" : "Hide code";
  });
  return { button, code };
}

// While a widget is alive, the static page beside it is not needed.
function hideSavedPage(key) {
  const style = document.createElement("style");
  const page = `[data-polpo-saved="${CSS.escape(key)}"]`;
  style.textContent = `${page}, .jp-OutputArea-child:has(${page}) {display: none}`;
  document.head.append(style);
  return () => style.remove();
}
