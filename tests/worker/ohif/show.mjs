// Opens a study in OHIF, loads one of its objects, and tells on standard output, as JSON, what is on the page.
// node show.mjs PLAYWRIGHT_FOLDER CHROMIUM APP_URL STUDY_UID SEG|SR SLICES_ON OUTPUT_FOLDER
// Writes bare.png (the image alone) and shown.png (with the object, SLICES_ON slices after its first) of the viewport.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [modules, executablePath, app, study, modality, slicesOn, folder] = process.argv.slice(2);
const { chromium } = createRequire(join(modules, 'x.js'))('playwright-core');
const SIZE = { width: 1400, height: 900 };
const PATIENCE_MS = 300000;
const AGAIN_MS = 20000;
const REST_MS = 30000;
const LEAST_BYTES = 40000; // PNG of a viewport with an image; a black one with its texts has less
const software = ['--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'];
const quiet = ['--no-proxy-server', '--no-first-run', '--disable-background-networking', '--disable-component-update'];

const browser = await chromium.launch({ executablePath, args: [...software, ...quiet] });
const problems = [];
try {
  const page = await browser.newPage({ viewport: SIZE });
  page.setDefaultTimeout(PATIENCE_MS);
  await page.addInitScript(() => localStorage.setItem('shownTours', JSON.stringify(['basicViewerTour'])));
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('response', (answer) => answer.status() >= 400 && problems.push(`${answer.status()} ${answer.url()}`));
  await page.goto(`${app}/viewer?StudyInstanceUIDs=${study}`, { waitUntil: 'commit' });
  const pane = page.locator('[data-cy="viewport-pane"]');
  await pane.locator('canvas').first().waitFor();
  // a picture taken while the first image is drawn may leave the viewport black
  await page.waitForFunction(firstIsDrawn);
  let { width } = SIZE;
  const resized = () => page.setViewportSize({ ...SIZE, width: (width += 10) });
  await settled(pane, 'bare.png', resized);
  // the tour for newcomers lies over the page and takes the clicks
  await page.evaluate(() => document.querySelectorAll('[class*="shepherd"]').forEach((part) => part.remove()));

  const thumbnail = page.locator('[data-cy="study-browser-thumbnail-no-image"]', { hasText: new RegExp(`^\\s*${modality}`) });
  const rows = page.locator('[data-cy="data-row"]');
  if (modality === 'SEG') {
    await thumbnail.dblclick();
    await page.locator('[data-cy="yes-hydrate-btn"]').click();
    await page.locator('[data-cy="panelSegmentation-btn"]').click();
    await rows.first().waitFor();
    await pane.hover();
    for (let i = 0; i < Number(slicesOn); i += 1) {
      await page.mouse.wheel(0, 100);
      await page.waitForTimeout(200);
    }
  } else {
    await until(pane.locator('svg.rotate-180', { hasText: 'arrow-left' }), () => thumbnail.dblclick());
    // a report whose image is the one that is shown already adds its outlines and draws nothing: a resize does
    await until(pane.locator('svg.svg-layer polyline').first(), resized);
  }
  await settled(pane, 'shown.png', resized);
  await page.screenshot({ path: join(folder, 'page.png') });
  const lines = await pane.locator('svg.svg-layer polyline').evaluateAll((all) => all.map((one) => one.getAttribute('points')));
  console.log(JSON.stringify({ rows: await rows.allInnerTexts(), lines, text: await pane.innerText(), problems }));
} catch (error) {
  console.error(String(error), problems);
  process.exitCode = 1;
} finally {
  await browser.close();
}

// Do something, again where the page was too busy to take it, until an element is there.
async function until(element, act) {
  for (let left = PATIENCE_MS / AGAIN_MS; ; left -= 1) {
    await act();
    try {
      return await element.waitFor({ state: 'attached', timeout: AGAIN_MS });
    } catch (error) {
      if (left <= 1) throw error;
    }
  }
}

// Whether the viewer says of a viewport that its image is drawn; asked in the page.
function firstIsDrawn() {
  const engines = window.cornerstone?.getRenderingEngines() ?? [];
  return engines.some((engine) => engine.getViewports().some((one) => one.viewportStatus === 'rendered'));
}

// Save a picture of a viewport that bears an image, when it has stopped changing or was given time to. One that stays
// black has missed its last redraw: without a graphics card that happens, and a resize asks for another.
async function settled(pane, name, redraw) {
  const begun = Date.now();
  let asked = begun;
  for (let before = Buffer.alloc(0); ; ) {
    const now = await pane.page().screenshot({ path: join(folder, name), clip: await pane.boundingBox() });
    const spent = Date.now() - begun;
    const isBlack = now.length <= LEAST_BYTES;
    if (!isBlack && (now.equals(before) || spent > REST_MS)) return;
    if (spent > PATIENCE_MS) throw new Error(`the viewport shows nothing (${name})`);
    if (isBlack && Date.now() - asked > AGAIN_MS) {
      await redraw();
      asked = Date.now();
    }
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
