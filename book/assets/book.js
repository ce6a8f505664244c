// What is wider or higher than its place scrolls inside itself, by keyboard too. (All are asked before one is
// changed, or each question would lay out the page anew.)
const scrolls = ({ target: box }) => [box, box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight];
const reach = new ResizeObserver(entries => entries.map(scrolls).forEach(([box, more]) => {
  if (more) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
}));
document.querySelectorAll("mjx-container[display], pre, .cell_output > .output, .pst-scrollable-table-container")
  .forEach(box => reach.observe(box));

// The frames of an explorer are files: fetched when it comes near, so that it moves without waiting.
const near = new IntersectionObserver(entries => entries.forEach(({ target, isIntersecting }) => {
  if (!isIntersecting) return;
  near.unobserve(target);
  const data = JSON.parse(target.querySelector('script[type="application/json"]').textContent);
  target.frames = data.frames.map(frame => Object.assign(new Image(), { src: frame }));
}), { rootMargin: "50%" });
addEventListener("load", () => document.querySelectorAll(".explorer").forEach(box => near.observe(box)));

// What the theme's buttons do: a page under a policy runs no code that stands in an attribute (book/policy.py).
document.querySelectorAll("[data-calls]").forEach(button =>
  button.addEventListener("click", () => window[button.dataset.calls]()));
