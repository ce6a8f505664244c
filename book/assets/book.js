// A formula that is wider than the screen scrolls inside itself, by keyboard too.
const reach = new ResizeObserver(entries => entries.forEach(({ target }) => {
  if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
  else target.removeAttribute("tabindex");
}));
document.querySelectorAll("mjx-container[display]").forEach(formula => reach.observe(formula));

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
