// Draws the icons of the manifest out of their SVGs, with the browser that the tests use. The results are committed.
import { readFile, writeFile } from 'node:fs/promises'
import { chromium } from '@playwright/test'

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
})
for (const [svg, png, size] of [
  ['icon.svg', 'icon-192.png', 192],
  ['icon.svg', 'icon-512.png', 512],
  ['icon-maskable.svg', 'icon-maskable-512.png', 512],
]) {
  const page = await browser.newPage({ viewport: { width: size, height: size } })
  const text = await readFile(new URL(`../public/${svg}`, import.meta.url), 'utf8')
  await page.setContent(`<style>body{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${text}`)
  await writeFile(new URL(`../public/${png}`, import.meta.url), await page.screenshot({ omitBackground: true }))
  await page.close()
}
await browser.close()
