// Reads a JSON list of [TeX, display] and writes {formulas, glyphs, style}: what MathJax makes of them, as
// SVG and as MathML for those who listen; the outlines that the SVGs refer to, by name; the style sheet.
const folder = process.argv[2];

function main(MathJax) {
  const html = node => MathJax.startup.adaptor.outerHTML(node);
  const wanted = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const formulas = wanted.map(([tex, display]) => {
    MathJax.texReset();
    return html(MathJax.tex2svg(tex, { display }));
  });
  const cache = html(MathJax.startup.document.outputJax.fontCache.getCache());
  const glyphs = Object.fromEntries([...cache.matchAll(/<path id="([^"]+)".*?<\/path>/g)].map(m => [m[1], m[0]]));
  const style = MathJax.startup.adaptor.textContent(MathJax.svgStylesheet());
  process.stdout.write(JSON.stringify({ formulas, glyphs, style }));
}

require(folder + "/node-main.js").init({
  loader: { load: ["input/tex-full", "output/svg", "a11y/assistive-mml"], paths: { mathjax: folder } },
  tex: { packages: { "[-]": ["noundefined"] } }, // an unknown command is an error, not red letters
  svg: { fontCache: "global" },
}).then(main).catch(error => { console.error(error); process.exit(1); });
