// What a page does beyond Quarto's or smalldocs' own script: all that scrolls or folds answers to the keyboard.
(() => {
  "use strict";
  const SCROLLS = "main :is(pre, div.sourceCode, .cell-output, .math, .table-box, p)";

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
})();
