(() => {
const box = document.currentScript.parentElement;
const data = JSON.parse(box.querySelector('script[type="application/json"]').textContent);
const image = box.querySelector('img'), button = box.querySelector('button');
const says = box.querySelector('.explorer-says');
const sliders = [...box.querySelectorAll('input')], lead = sliders[0];
box.querySelector('.explorer-still').remove();
box.querySelector('.explorer-controls').hidden = false;
let timer = null, silence = null, hold = null;
const show = () => {
  let at = 0;
  sliders.forEach((slider, i) => {
    const value = data.values[i][slider.value];
    at = at * data.values[i].length + Number(slider.value);
    slider.nextElementSibling.textContent = value;
    slider.setAttribute('aria-valuetext', value);
  });
  image.src = data.frames[at];
  image.alt = data.words[at];
  // Read aloud once the picture rests.
  clearTimeout(silence);
  silence = setTimeout(() => { says.textContent = data.words[at]; }, 600);
};
const stop = () => { clearInterval(timer); timer = null; button.textContent = 'Play'; };
const go = value => { stop(); lead.value = value; show(); };
const play = () => {
  button.textContent = 'Pause';
  timer = setInterval(() => {
    lead.value = Number(lead.value) + 1;
    show();
    if (lead.value === lead.max) stop();
  }, 150);
};
sliders.forEach(slider => slider.addEventListener('input', () => { stop(); show(); }));
button.addEventListener('click', () => {
  if (timer) return stop();
  if ([lead.max, lead.defaultValue].includes(lead.value)) go(0);
  play();
});
// A finger or the mouse that moves sideways over the picture moves the first slider.
image.draggable = false;
image.addEventListener('pointerdown', event => {
  if (event.button) return;
  hold = {x: event.clientX, value: Number(lead.value)};
  image.setPointerCapture(event.pointerId);
});
image.addEventListener('pointermove', event => {
  if (hold) go(hold.value + (event.clientX - hold.x) / image.clientWidth * lead.max);
});
image.addEventListener('lostpointercapture', () => { hold = null; });
addEventListener('beforeprint', () => {
  stop();
  sliders.forEach(slider => { slider.value = slider.defaultValue; });
  show();
});
if ('plays' in box.dataset && !matchMedia('(prefers-reduced-motion: reduce)').matches) {
  new IntersectionObserver((entries, observer) => {
    if (!entries.at(-1).isIntersecting) return;
    observer.disconnect();
    const ready = data.frames.map(frame => Object.assign(new Image(), {src: frame}).decode());
    Promise.all(ready).then(() => {
      if (lead.value !== lead.defaultValue) return;
      go(0);
      play();
    });
  }, {threshold: 0.6}).observe(image);
}
})();
