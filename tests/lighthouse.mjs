// Lighthouse on pages: `node lighthouse.mjs MODULES BROWSER FLAG...` reads addresses, each on a line, and writes
// for each a line with its scores, from 0 to 1, or with what went wrong. It runs the audits that a score is made
// of, and no others; a page is looked at once, then judged.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const CATEGORIES = ["accessibility", "best-practices", "performance"];

/** Give every piece of work the time that it had a processor, in place of the time until it was done. */
export function onTheProcessor(events) {
  for (const event of events) if ("tdur" in event) event.dur = event.tdur;
  return events;
}

/** The scores of one page, by a browser that knows nothing of the pages before. */
async function scores({ auditFlowArtifacts, startFlow }, config, browser, address) {
  const context = await browser.createBrowserContext();
  try {
    const flow = await startFlow(await context.newPage(), { config });
    await flow.navigate(address);
    const seen = flow.createArtifactsJson();
    const { PageLoadError, Trace } = seen.gatherSteps[0].artifacts;
    if (PageLoadError) throw PageLoadError;
    onTheProcessor(Trace.traceEvents);
    const { categories } = (await auditFlowArtifacts(seen, config)).steps[0].lhr;
    return Object.fromEntries(CATEGORIES.map(name => [name, categories[name].score]));
  } finally {
    await context.close();
  }
}

async function main(modules, chromePath, ...flags) {
  const require = createRequire(`${modules}/`);
  const load = name => import(pathToFileURL(require.resolve(name)));
  const lighthouse = await load("lighthouse");
  const { launch } = await load("chrome-launcher");
  const { default: puppeteer } = await load("puppeteer-core");

  const refs = CATEGORIES.flatMap(name => lighthouse.defaultConfig.categories[name].auditRefs);
  const onlyAudits = refs.filter(ref => ref.weight).map(ref => ref.id);
  const config = { extends: "lighthouse:default", settings: { onlyAudits, disableFullPageScreenshot: true } };

  const chrome = await launch({ chromePath, chromeFlags: ["--headless=new", ...flags] });
  try {
    const browserURL = `http://127.0.0.1:${chrome.port}`;
    const browser = await puppeteer.connect({ browserURL, defaultViewport: null });
    for await (const address of createInterface({ input: process.stdin })) {
      const said = await scores(lighthouse, config, browser, address).catch(error => ({ error: error.stack }));
      console.log(JSON.stringify(said));
    }
    await browser.disconnect();
  } finally {
    chrome.kill();
  }
}

if (process.argv.length > 3) await main(...process.argv.slice(2));
