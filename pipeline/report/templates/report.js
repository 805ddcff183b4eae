"use strict";
// Comfort only: everything can be read, switched and scrolled without it.
for (const stack of document.querySelectorAll(".stack")) {
  const reel = stack.querySelector(".reel");
  const strip = stack.querySelector(".strip");
  const count = reel.children.length;
  let turned = 0;
  const step = () => reel.firstElementChild.offsetHeight;
  const at = () => Math.round(reel.scrollTop / step());
  const go = (slice) => { reel.scrollTop = Math.max(0, Math.min(count - 1, slice)) * step(); };
  const enlarged = () => step() > reel.clientHeight * 1.5;
  const key = reel.querySelector(".key");
  if (key && !reel.scrollTop) go([...reel.children].indexOf(key.parentElement));
  reel.addEventListener("wheel", (event) => {
    if (enlarged() || event.ctrlKey) return;
    event.preventDefault();
    turned += event.deltaY;
    if (Math.abs(turned) >= 40) { go(at() + Math.sign(turned)); turned = 0; }
  }, { passive: false });
  reel.addEventListener("keydown", (event) => {
    const next = { ArrowDown: at() + 1, ArrowUp: at() - 1, PageDown: at() + 5, PageUp: at() - 5, Home: 0, End: count - 1 }[event.key];
    if (next === undefined || (enlarged() && event.key.startsWith("Arrow"))) return;
    event.preventDefault();
    go(next);
  });
  const point = (event) => {
    const box = strip.getBoundingClientRect();
    go(Math.floor((event.clientY - box.top) / box.height * count));
  };
  strip.addEventListener("pointerdown", (event) => { strip.setPointerCapture(event.pointerId); point(event); });
  strip.addEventListener("pointermove", (event) => { if (event.buttons) point(event); });
}
for (const stage of document.querySelectorAll(".stage")) {
  // What is enlarged is the lesion, else the middle.
  stage.closest(".viewer")?.addEventListener("change", (event) => {
    if (!/^z\d/.test(event.target.className)) return;
    const [shown, around] = [stage.querySelector(".o") ?? stage.querySelector(".sheet"), stage].map((part) => part.getBoundingClientRect());
    stage.scrollLeft += (shown.left + shown.right - around.left - around.right) / 2;
    stage.scrollTop += (shown.top + shown.bottom - around.top - around.bottom) / 2;
  });
  stage.addEventListener("pointermove", (event) => {
    if (event.buttons !== 1 || event.pointerType !== "mouse" || event.target.closest("a")) return;
    stage.scrollLeft -= event.movementX;
    stage.scrollTop -= event.movementY;
  });
}
