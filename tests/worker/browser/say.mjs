// Reads studies as a reader does: opens each report that a worker serves and says what STATEMENTS tell, by clicking.
// node say.mjs PLAYWRIGHT_FOLDER CHROMIUM SERVER_URL STATEMENTS.json OUTPUT_FOLDER
// A statement: {"study", "reader", "right": [lesion], "wrong": [lesion], "box": [top, left, bottom, right] as shares of
// the first image (dragged), "keys": true for a box placed with the keyboard, "entity" or "other"}. Pictures of the
// first study, light and dark, go to OUTPUT_FOLDER. Standard output: JSON with what the pages say and their problems.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [modules, executablePath, server, statements, folder] = process.argv.slice(2);
const { chromium } = createRequire(join(modules, 'x.js'))('playwright-core');
const PATIENCE_MS = 20000;
const quiet = ['--no-proxy-server', '--no-first-run', '--disable-background-networking', '--disable-component-update'];

const browser = await chromium.launch({ executablePath, args: quiet });
const problems = [];
const found = {};
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(PATIENCE_MS);
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (line) => line.type() === 'error' && problems.push(line.text()));
  let pictured = false;
  for (const said of JSON.parse(readFileSync(statements))) {
    await page.goto(`${server}/results/${said.study}/studies/${said.study}/report.html`);
    await page.locator('html[data-feedback="ready"]').waitFor();
    const status = page.locator('.fb-status');
    const told = async (words) => { await status.filter({ hasText: words }).waitFor(); };
    if (said.reader) {
      await page.locator('#fb-reader').fill(said.reader);
      await page.locator('#fb-reader').blur();
    }
    for (const mark of ['right', 'wrong']) {
      for (const lesion of said[mark] || []) {
        const row = page.getByRole('group', { name: `Is lesion ${lesion} right?` });
        await row.locator(`button[data-mark="${mark}"]`).click();
        await told(`Lesion ${lesion}: marked ${mark}`);
        await row.locator(`button[data-mark="${mark}"][aria-pressed="true"]`).waitFor();
      }
    }
    if (said.box) {
      await page.getByRole('button', { name: 'Mark missed' }).first().click();
      const layer = page.getByRole('application').first();
      await layer.scrollIntoViewIfNeeded();
      const at = await layer.boundingBox();
      const [top, left, bottom, right] = said.box;
      const view = page.viewportSize();
      const y = (share) => at.y + share * at.height;
      if (y(bottom) > view.height || y(top) < 0) await page.mouse.wheel(0, y((top + bottom) / 2) - view.height / 2);
      await page.waitForTimeout(100);
      const now = await layer.boundingBox();
      await page.mouse.move(now.x + left * now.width, now.y + top * now.height);
      await page.mouse.down();
      await page.mouse.move(now.x + right * now.width, now.y + bottom * now.height, { steps: 4 });
      await page.mouse.up();
      if (!pictured) await page.screenshot({ path: join(folder, 'drawing.png') });
      await page.getByRole('button', { name: 'Save box' }).click();
      await told('Missed lesion marked');
    }
    if (said.keys) {
      await page.getByRole('button', { name: 'Mark missed' }).first().focus();
      for (const key of ['Enter', 'ArrowDown', 'ArrowRight', 'Shift+ArrowDown', 'Enter']) await page.keyboard.press(key);
      await told('Missed lesion marked');
    }
    if (said.entity || said.other) {
      await page.locator('#fb-diagnosis').selectOption(said.entity || '-other');
      if (said.other) await page.getByLabel('Other diagnosis').fill(said.other);
      await page.getByRole('button', { name: 'Save diagnosis' }).click();
      await told('Diagnosis');
    }
    if (!pictured) {
      for (const scheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.locator('#reader-feedback').scrollIntoViewIfNeeded();
        await page.screenshot({ path: join(folder, `${scheme}.png`), fullPage: true });
      }
      pictured = true;
    }
    found[said.study] = await page.locator('.fb-said li').allInnerTexts();
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.goto(`${server}/`);
  await page.locator('[data-feedback] details').first().waitFor();
  const rows = await page.locator('[data-feedback] summary').allInnerTexts();
  await page.locator('[data-feedback] summary').first().click();
  await page.locator('[data-feedback] select').first().waitFor();
  await page.screenshot({ path: join(folder, 'status.png') });
  console.log(JSON.stringify({ said: found, rows, problems }));
} catch (error) {
  console.error(String(error), problems);
  process.exitCode = 1;
} finally {
  await browser.close();
}
