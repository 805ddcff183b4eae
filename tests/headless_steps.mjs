// Does steps in headless Chromium and tells on standard output, as JSON, what came of each.
// node headless_steps.mjs MODULES_FOLDER CHROMIUM STEPS_FILE; STEPS_FILE is JSON: {"page": {...}, "steps": [[name, ...], ...]}.
// "page" holds options of a new page (viewport, colorScheme, javaScriptEnabled). Steps: see `steps` below.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [modules, executablePath, file] = process.argv.slice(2);
const load = createRequire(join(modules, 'x.js'));
const { chromium } = load('playwright-core');
const axe = readFileSync(load.resolve('axe-core/axe.min.js'), 'utf8');
const { page: options, steps: asked } = JSON.parse(readFileSync(file, 'utf8'));
const PATIENCE_MS = 60000;
const quiet = ['--no-proxy-server', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--no-sandbox'];

const steps = {
  open: async (page, url) => { await page.goto(url, { waitUntil: 'load' }); },
  click: async (page, selector) => { await page.locator(selector).first().click(); },
  press: async (page, selector, key) => { await page.locator(selector).first().press(key); },
  fill: async (page, selector, text) => { await page.locator(selector).first().fill(text); },
  choose: async (page, selector, value) => { await page.locator(selector).first().selectOption(value); },
  wheel: async (page, selector, pixels) => {
    await page.locator(selector).first().hover();
    await page.mouse.wheel(0, pixels);
  },
  drag: async (page, selector, from, to) => { // points are shares of the element's box
    await page.locator(selector).first().scrollIntoViewIfNeeded();
    const box = await page.locator(selector).first().boundingBox();
    const at = ([x, y]) => [box.x + x * box.width, box.y + y * box.height];
    await page.mouse.move(...at(from));
    await page.mouse.down();
    await page.mouse.move(...at(to), { steps: 5 });
    await page.mouse.up();
  },
  wait: async (page, milliseconds) => { await page.waitForTimeout(milliseconds); },
  media: async (page, media) => { await page.emulateMedia(media); },
  size: async (page, width, height) => { await page.setViewportSize({ width, height }); },
  evaluate: async (page, expression) => page.evaluate(expression),
  shot: async (page, path, selector) => {
    if (selector) await page.locator(selector).first().screenshot({ path });
    else await page.screenshot({ path });
  },
  whole: async (page, path) => { await page.screenshot({ path, fullPage: true }); },
  pdf: async (page, path) => { await page.pdf({ path, preferCSSPageSize: true, printBackground: true }); },
  axe: async (page) => { // a page's own policy does not bind what the debugger evaluates
    const session = await page.context().newCDPSession(page);
    await session.send('Runtime.evaluate', { expression: axe });
    const found = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
    return found.violations.map((v) => ({ id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.slice(0, 5).map((n) => `${n.target} ${n.failureSummary}`) }));
  },
};

const browser = await chromium.launch({ executablePath, args: quiet });
const problems = [];
try {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('request', (request) => /^https?:/.test(request.url()) && problems.push(`asked for ${request.url()}`));
  const results = [];
  for (const [name, ...rest] of asked) results.push((await steps[name](page, ...rest)) ?? null);
  console.log(JSON.stringify({ results, problems }));
} catch (error) {
  console.error(String(error), problems);
  process.exitCode = 1;
} finally {
  await browser.close();
}
