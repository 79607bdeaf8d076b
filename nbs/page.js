// What a page does beyond Quarto's or smalldocs' own script: all that scrolls or folds answers to the keyboard, and a
// result that the reader is to guess stays covered until then.
(() => {
  "use strict";
  const SCROLLS = "main :is(pre, div.sourceCode, .cell-output, .math, .table-box, .sd-table, p)";

  // Quarto leaves a table of Markdown as wide as it is: it gets a box to scroll in.
  for (const table of document.querySelectorAll("main table.caption-top:not(.table-box table)")) {
    const box = document.createElement("div");
    box.className = "table-box";
    table.replaceWith(box);
    box.append(table);
  }

  // A box that scrolls sideways can be focused, so that the arrow keys move it; one that does not is no stop for Tab.
  const mark = () => {
    for (const box of document.querySelectorAll(SCROLLS)) {
      const scrolls = box.scrollWidth > box.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(box).overflowX);
      if (scrolls) box.tabIndex = 0;
      else if (box.tabIndex === 0) box.removeAttribute("tabindex");
    }
  };
  let queued = false;
  const queue = () => {
    if (!queued) { queued = true; requestAnimationFrame(() => { queued = false; mark(); }); }
  };
  new ResizeObserver(queue).observe(document.querySelector("main"));
  document.addEventListener("toggle", queue, true);  // a <details> opens
  document.addEventListener("shown.bs.collapse", queue);
  addEventListener("load", queue);
  document.fonts.ready.then(queue);
  mark();

  // smalldocs marks the dark on the root as data-scheme; Bootstrap's dark mode follows. Quarto has a stylesheet for it.
  const root = document.documentElement;
  const follow = () => { root.dataset.bsTheme = root.dataset.scheme === "alternate" ? "dark" : "light"; };
  new MutationObserver(follow).observe(root, {attributeFilter: ["data-scheme"]});
  follow();

  // A fold that is no <button> opens by Enter and by the space bar, as a button does.
  document.addEventListener("keydown", (event) => {
    const fold = event.target.closest('[role="button"]:not(button)');
    if (!fold || event.target !== fold || !["Enter", " "].includes(event.key)) return;
    event.preventDefault();
    fold.click();
  });

  // A check's line, with its tick, is told from other folds.
  for (const line of document.querySelectorAll("details.code-fold > summary"))
    line.classList.toggle("check", line.textContent.trim().startsWith("✓"));

  // A guess: its options become buttons, and the output of the next cell waits for one of them. What was chosen is kept
  // in the browser; without scripts there is a plain fold with the answer, and nothing is covered.
  const memory = {
    get: (key) => { try { return localStorage.getItem(key); } catch { return null; } },
    set: (key, value) => { try { localStorage.setItem(key, value); } catch { /* then it is asked again next time */ } },
  };
  const ALL = "collabdive guesses", steps = [...document.querySelectorAll("main details.guess, main .cell:has(.cell-output)")];
  const make = (tag, set, ...children) => {
    const element = Object.assign(document.createElement(tag), set);
    element.append(...children);
    return element;
  };

  const ask = (fold, number) => {
    const options = fold.dataset.options.split("|"), right = Number(fold.dataset.answer) - 1;
    const key = `collabdive guess ${location.pathname} ${number}`;
    const cell = steps.slice(steps.indexOf(fold) + 1).find((step) => step.matches(".cell"));
    const outputs = [...(cell?.querySelectorAll(".cell-output") ?? [])], covered = [...outputs];
    for (let next = cell?.nextElementSibling; next?.querySelector(":scope summary.check"); next = next.nextElementSibling)
      covered.push(next);  // the line of a check says what came out
    const said = make("p", {className: "guess-said"});
    said.setAttribute("role", "status");
    const show = (text) => {
      for (const part of covered) part.classList.remove("guess-covered");
      veil.remove();
      said.textContent = text;
      fold.hidden = false;
      fold.open = true;
      queue();
    };
    const choose = (picked) => {
      buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === picked)));
      memory.set(key, String(picked));
      show(picked === right ? `You guessed “${options[picked]}”, and so it is.`
        : `You guessed “${options[picked]}”. It is “${options[right]}”.`);
    };
    const buttons = options.map((text, i) => {
      const button = make("button", {type: "button", textContent: text, onclick: () => choose(i)});
      button.setAttribute("aria-pressed", "false");
      return button;
    });
    const everything = make("button", {type: "button", className: "guess-all", textContent: "Show all results on this site",
      onclick: () => { memory.set(ALL, "shown"); guesses.forEach((open) => open()); }});
    const veil = make("div", {className: "guess-veil"}, make("p", {textContent: "Covered until you have guessed, above."}), everything);
    const choice = make("div", {className: "guess-choice"}, ...buttons);
    choice.setAttribute("role", "group");
    choice.setAttribute("aria-label", "Your guess");
    fold.before(choice, said);
    fold.querySelector("summary").textContent = "The answer";
    const before = memory.get(key);
    if (before in options) choose(Number(before));
    else if (memory.get(ALL)) show("");
    else if (outputs.length) {
      fold.hidden = true;
      for (const part of covered) part.classList.add("guess-covered");
      outputs[0].before(veil);
    }
    return () => { if (veil.isConnected) show(""); };
  };
  const guesses = [...document.querySelectorAll("main details.guess[data-options]")].map(ask);
})();
