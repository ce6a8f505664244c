// Lighthouse on one page: `node lighthouse.mjs MODULES BROWSER ADDRESS FLAG...` writes its scores, from 0 to 1.
// It runs the audits that a score is made of, and no others; the page is looked at once, then judged.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const CATEGORIES = ["accessibility", "best-practices", "performance"];

/** Give every piece of work the time that it had a processor, in place of the time until it was done. */
export function onTheProcessor(events) {
  for (const event of events) if ("tdur" in event) event.dur = event.tdur;
  return events;
}

async function main(modules, chromePath, address, ...flags) {
  const require = createRequire(`${modules}/`);
  const load = name => import(pathToFileURL(require.resolve(name)));
  const { auditFlowArtifacts, defaultConfig, startFlow } = await load("lighthouse");
  const { launch } = await load("chrome-launcher");
  const { default: puppeteer } = await load("puppeteer-core");

  const refs = CATEGORIES.flatMap(name => defaultConfig.categories[name].auditRefs);
  const onlyAudits = refs.filter(ref => ref.weight).map(ref => ref.id);
  const config = { extends: "lighthouse:default", settings: { onlyAudits, disableFullPageScreenshot: true } };

  const chrome = await launch({ chromePath, chromeFlags: ["--headless=new", ...flags] });
  try {
    const browserURL = `http://127.0.0.1:${chrome.port}`;
    const browser = await puppeteer.connect({ browserURL, defaultViewport: null });
    const flow = await startFlow(await browser.newPage(), { config });
    await flow.navigate(address);
    const seen = flow.createArtifactsJson();
    onTheProcessor(seen.gatherSteps[0].artifacts.Trace.traceEvents);
    const { categories } = (await auditFlowArtifacts(seen, config)).steps[0].lhr;
    const scores = Object.fromEntries(CATEGORIES.map(name => [name, categories[name].score]));
    process.stdout.write(JSON.stringify(scores));
    await browser.disconnect();
  } finally {
    chrome.kill();
  }
}

if (process.argv.length > 4) await main(...process.argv.slice(2));
